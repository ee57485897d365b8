// Asof measures how long questions about time take: what one account held at a moment, and what every account held, by
// all that is known today and by what had been recorded at another moment.
//
// The history has the tables and the columns that the projectors fill, and is inserted as they insert it. Beside it
// stands the plainest table that can answer, with the plainest SQL, on the same data in the same run. Every answer that
// is timed is compared with a fold of the same entries in Go.
package main

import (
	"recount/bench/frame"
	"recount/internal/embedded"
)

func main() {
	embedded.RunIfChild()
	program().Main()
}

func program() frame.Program[options] {
	return frame.Program[options]{Name: "asof", Parse: parse, Measure: measure}
}
