// Package lint holds the repository to its own rules: who may import what, what a package may be called, how long a
// file may grow. The rules are the tables at the top of rules_test.go; to add one, add a row and a breach that shows it
// can fail.
//
// It is a test and nothing else: it is never imported, and it checks only what the compiler, go vet and staticcheck do
// not know.
package lint
