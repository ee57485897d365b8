// Package estest tests what a context declares: given/when/then tables against an aggregate, and golden rows of a view.
// It is for tests alone: no program imports it.
package estest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"recount/internal/es"
)

// Case is one row: after Given, When yields Then, or is refused with Refused.
// A row with neither says that When changes nothing.
type Case[C, E any] struct {
	Name    string
	Given   []E
	When    C
	Then    []E
	Refused es.Refusal
}

// Run checks every case from the zero state of S.
func Run[S es.Aggregate[S, C, E], C, E any](t *testing.T, cases []Case[C, E]) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			if problem := Check[S](tc); problem != nil {
				t.Fatal(problem)
			}
		})
	}
}

// Check runs one case and says what differs, or nil.
func Check[S es.Aggregate[S, C, E], C, E any](tc Case[C, E]) error {
	var zero S
	before := es.Replay(zero, tc.Given...)
	after, got, err := es.Handle(before, tc.When)
	switch {
	case tc.Refused != "" && !errors.Is(err, tc.Refused):
		return fmt.Errorf("got %v, want refusal %v", err, tc.Refused)
	case tc.Refused == "" && err != nil:
		return fmt.Errorf("refused with %v", err)
	case len(got) != len(tc.Then) || len(got) > 0 && !reflect.DeepEqual(got, tc.Then):
		return fmt.Errorf("events = %+v, want %+v", got, tc.Then)
	case !reflect.DeepEqual(after, es.Replay(zero, append(append([]E{}, tc.Given...), got...)...)):
		return fmt.Errorf("the state after differs from the fold of all events: Decide or Evolve mutates")
	}
	return nil
}

// WireName returns the name under which a declares the type of message, a command or an event.
func WireName(a es.AggregateType, message any) string {
	for _, declared := range []map[string]any{a.CommandTypes(), a.EventTypes()} {
		for name, zero := range declared {
			if reflect.TypeOf(zero) == reflect.TypeOf(message) {
				return name
			}
		}
	}
	panic(fmt.Sprintf("estest: %s declares no %T", a.Name(), message))
}
