// Package audit has the views that every context gets, whatever its business: all events, all refusals and all dead
// letters, each row at its place in the log, and where the instances of its sagas stand.
//
// It knows no event by name: metadata goes into typed columns, the rest into a payload.
package audit

import "recount/internal/es"

// Views returns the views of the audit.
func Views() []es.View { return []es.View{Events(), Refusals(), DeadLetters()} }

// Every returns contexts, each with the views of the audit behind its own, and that of the sagas where there are any.
func Every(contexts ...es.Context) []es.Context {
	out := make([]es.Context, len(contexts))
	for i, c := range contexts {
		c.Views = append(append([]es.View{}, c.Views...), Views()...)
		if len(c.Processes) > 0 {
			c.Views = append(c.Views, SagaInstances())
		}
		out[i] = c
	}
	return out
}
