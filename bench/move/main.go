// Move measures for how long a partition stands still when an operator moves it to another worker under load, and whether
// any other does.
//
// It runs on a real Kafka, started here, with two aggregators in processes of their own that follow each other's
// partitions. A reader of committed events sees the pauses; what the two wrote is checked, account by account, before a
// time counts.
package main

import "recount/bench/frame"

func main() { program().Main() }

func program() frame.Program[options] {
	return frame.Program[options]{
		Name: "move", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{worker: frame.RoleOf(runWorker)},
	}
}
