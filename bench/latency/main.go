// Latency measures how long it takes from when a command is due to be sent until its event is committed, at a steady
// rate: Recount's aggregator with one and with two sessions beside Kafka Streams, on a broker that is set up as Recount
// recommends and on one as Kafka ships. One run has projectors and the embedded ClickHouse on the same machine, and
// measures until views show the event as well.
//
// Commands are sent when they are due, whatever became of those before: a slow answer costs all that come due meanwhile.
package main

import (
	"recount/bench/frame"
	benchsubject "recount/bench/subject"
	"recount/internal/embedded"
)

func main() {
	embedded.RunIfChild()
	program().Main()
}

func program() frame.Program[options] {
	return frame.Program[options]{
		Name: "latency", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{recount: frame.RoleOf(benchsubject.Config.Run), projectors: frame.RoleOf(benchsubject.Views.Run)},
	}
}
