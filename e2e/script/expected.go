package script

import (
	"maps"

	"recount/domain/bank/account"
	"recount/internal/es"
)

// Expected is what must come of the messages written so far: no more, no less, and of each account in this order.
type Expected struct {
	// Messages are all that were written, Forwarded those of them that lay in another partition than their account's.
	Messages, Forwarded int
	// Events and Refusals are by account.
	Events   map[string][]Event
	Refusals map[string][]Refusal
	// DeadLetters counts records by their bytes: nothing else tells one from another.
	DeadLetters map[string]int
}

// Event is one that must be recorded; its place in the list is its version, less one.
type Event struct {
	CommandID string
	Body      account.Event
}

// Refusal is an outcome without an event that must be recorded.
type Refusal struct {
	CommandID string
	Outcome   es.Outcome
	Code      string
	// Version is the account's at that time.
	Version int64
}

// Add adds what must come of another script, about other accounts.
func (e *Expected) Add(other *Expected) {
	e.Messages += other.Messages
	e.Forwarded += other.Forwarded
	maps.Copy(e.Events, other.Events)
	maps.Copy(e.Refusals, other.Refusals)
	maps.Copy(e.DeadLetters, other.DeadLetters)
}

// Totals are the numbers of records that must be there.
func (e *Expected) Totals() (events, refusals, deadLetters int) {
	for _, list := range e.Events {
		events += len(list)
	}
	for _, list := range e.Refusals {
		refusals += len(list)
	}
	for _, n := range e.DeadLetters {
		deadLetters += n
	}
	return events, refusals, deadLetters
}
