// Transfers measures how many transfers between accounts are carried out a second, and how long one takes: from a request
// through the saga, the withdrawal and the deposit until the transfer is complete. Nothing of that is left out, and every
// step is a transaction of its own.
//
// It runs on a real Kafka, started here, with an aggregator and a saga's worker in processes of their own. What became of
// the money is checked in the log before a time counts.
package main

import (
	"recount/bench/frame"
	benchsubject "recount/bench/subject"
)

func main() { program().Main() }

func program() frame.Program[options] {
	return frame.Program[options]{
		Name: "transfers", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{worker: frame.RoleOf(benchsubject.Config.Run)},
	}
}
