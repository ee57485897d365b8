// Restore measures how long a worker takes to know its partitions again: with an empty disk, from zero and from
// snapshots, beside Kafka Streams restoring the same state from its changelog; and killed, with its disk intact.
//
// It runs on a real Kafka, started here. Events, and what each store holds after it was restored, are checked account by
// account before a time counts.
package main

import "recount/bench/frame"

func main() { program().Main() }

func program() frame.Program[options] {
	return frame.Program[options]{
		Name: "restore", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{worker: frame.RoleOf(subject.run)},
	}
}
