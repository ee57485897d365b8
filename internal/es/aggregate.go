package es

import "fmt"

// Aggregate is a value that turns commands into events and events into its next value: a decider.
// The zero value of S is the state before the first event.
//
// S must be free of maps and slices shared between values, or clone them in Evolve: the engine keeps older
// values while a batch is still undecided.
type Aggregate[S, C, E any] interface {
	// Decide returns the events that c makes true, or a Refusal. No events and no error is an answer too:
	// there was nothing to change. It must not mutate.
	Decide(c C) ([]E, error)
	// Evolve returns the state after e. It can't refuse: e already happened.
	Evolve(e E) S
}

// Handle decides c against s and returns the state after the new events.
// If Decide refuses, s comes back unchanged with no events.
func Handle[S Aggregate[S, C, E], C, E any](s S, c C) (S, []E, error) {
	events, err := s.Decide(c)
	if err != nil {
		return s, nil, err
	}
	return Replay(s, events...), events, nil
}

// Replay folds events, oldest first, into s.
func Replay[S interface{ Evolve(E) S }, E any](s S, events ...E) S {
	for _, e := range events {
		s = s.Evolve(e)
	}
	return s
}

// Refusal is a domain's answer "no": a stable code that callers branch on, such as
// "account/insufficient-funds". It is recorded and replied, never retried.
type Refusal string

// Error returns the code.
func (r Refusal) Error() string { return string(r) }

// Require is a business rule in one line: it refuses with code unless ok.
func Require(ok bool, code Refusal) error {
	if ok {
		return nil
	}
	return code
}

// Emit decides for event if every rule holds, else for the first broken rule.
//
//	case Withdraw:
//		return es.Emit[Event](FundsWithdrawn{Amount: c.Amount},
//			es.Require(a.IsOpen(), NotOpen),
//			es.Require(c.Amount <= a.Available(), InsufficientFunds))
func Emit[E any](event E, rules ...error) ([]E, error) {
	if err := First(rules...); err != nil {
		return nil, err
	}
	return []E{event}, nil
}

// First returns the first broken rule, or nil.
func First(rules ...error) error {
	for _, err := range rules {
		if err != nil {
			return err
		}
	}
	return nil
}

// Unhandled is what a sealed switch falls through to: a programmer's error that static analysis
// (go-check-sumtype) finds before a user can.
func Unhandled(v any) string { return fmt.Sprintf("es: %T is not handled", v) }
