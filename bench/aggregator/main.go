// Aggregator measures how many commands a second the aggregator decides, exactly once and with everything on, beside
// Kafka Streams doing the same work and a bare loop that does none.
//
// Every run has a real Kafka of its own, started here, and the same stream of commands in it. What a contender wrote is
// checked, account by account, before its time counts.
package main

import (
	"recount/bench/bareloop"
	"recount/bench/frame"
	benchsubject "recount/bench/subject"
)

func main() { program().Main() }

func program() frame.Program[options] {
	return frame.Program[options]{
		Name: "aggregator", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{recount: frame.RoleOf(benchsubject.Config.Run), bareLoop: frame.RoleOf(bareloop.Config.Run)},
	}
}
