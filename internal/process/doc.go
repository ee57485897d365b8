// Package process runs the other programs of a benchmark or an end-to-end test: the broker, and whatever is measured or
// tried.
//
// Each is a process of its own, so that its processor time can be told from everybody else's and none shares a heap
// with another. All of them end with the program that started them, however it ends (on Linux; elsewhere a killed parent
// leaves them behind). It knows nothing of what they do: readiness is a line they print.
package process
