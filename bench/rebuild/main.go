// Rebuild measures how fast views are rebuilt from the log, from offset zero until they have caught up, and what those
// who use them notice of it.
//
// It has a real Kafka of its own with a bank's events in it, and the embedded ClickHouse. The generation that is filled
// first is rebuilt once more beside projectors, events that keep coming, and analysts who keep asking; comparing the two
// checks the result, and is timed apart.
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
	return frame.Program[options]{
		Name: "rebuild", Parse: parse, Measure: measure,
		Roles: map[string]frame.Role{projectors: frame.RoleOf(subjectConfig.project), rebuilder: frame.RoleOf(subjectConfig.rebuild)},
	}
}
