// Package saga makes state machines of declarations: steps that are taken one after another or beside each other, each
// with what undoes it. What is declared is data; that nothing is lost or done twice is decided here, once, for all sagas.
//
// A saga starts with an event, and sends the commands of each step whose predecessors are done. A refusal, a deadline, a
// stop or an operator has it give up: it waits for the answers of what is under way, because only they tell what was
// done, undoes that step by step in reverse order, says so, and has ended. A failure is tried again, later each time.
// Once a final step is done there is no way back, only forward. What can be neither done nor undone is stuck, for an
// operator.
//
// It is pure: times arrive in the inputs, IDs derive from process, step and attempt.
package saga

import (
	"recount/internal/es"
)

// Saga declares a process. D is what it knows from the event that starts it: a flat struct like any event, and the body
// of the process's first event, Started.
type Saga[D any] struct {
	// Name is in topics, URLs and schemas; no aggregate or other saga of the context has it: "money_transfer".
	Name string
	// Revision is raised whenever old histories fold to something else.
	Revision int
	// Starts are the events that start an instance, as "<aggregate type>.<event>", with what it is to know. id is the
	// instance's, and that of the event's aggregate.
	Starts map[string]func(id string, event any) D
	// Stops are the events that have an instance give up, with the reason's code.
	Stops map[string]func(event any) es.Refusal
	// DeadlineMillis after its start an instance gives up; zero: never.
	DeadlineMillis int64
	// Steps in an order in which they can be taken; they are undone in reverse.
	Steps []Step[D]
	// Abandon tells, once everything is undone, that it came to nothing and why; nil: nobody is told.
	Abandon func(d D, why Reason) []es.Command
	// Retry is how failures are tried again; the zero value takes DefaultRetry.
	Retry Retry
	// Upcasts lift old Started events, as those of an aggregate's events do.
	Upcasts []func(D) D
}

// Step is a part of a saga that is done or undone as a whole.
type Step[D any] struct {
	Name string
	// After are the steps that must be done first: nil is the one before in the list, an empty list none.
	After []string
	// Do returns the step's commands, its legs; none: there is nothing to do. They are sent together.
	Do func(d D) []es.Command
	// Undo returns, leg by leg, what takes each back; nil: nothing need be taken back.
	Undo func(d D) []es.Command
	// Await are the events that answer the step once its commands are accepted: with no code it is done, with a code
	// refused. nil: the commands' own outcomes answer.
	Await map[string]func(event any) es.Refusal
	// DeadlineMillis after the step was sent, the saga gives up unless it is answered; zero: never.
	DeadlineMillis int64
	// DeadlineOf is what an instance has in the place of DeadlineMillis; nil, or zero: it has nothing of its own.
	DeadlineOf func(d D) int64
	// Final says that once the step is done there is no way back: whatever comes then, the steps behind it are done.
	// Every other step is before it or behind it.
	Final bool
}

// Reason is why an instance gave up: the code of a refusal, of a stop, or one of this package's.
type Reason struct {
	Code   string
	Detail string // for people
	Step   string // that was refused, failed or late; empty: none was
}

// Codes of reasons that no aggregate gave.
const (
	DeadlinePassed = "process/deadline"
	StepLate       = "process/step-deadline"
	ByOperator     = "process/by-operator"
)

// Retry bounds how often a failed command is sent, and how long it waits in between: twice as long each time.
type Retry struct {
	AttemptsMax            int32
	FirstMillis, MaxMillis int64
}

// DefaultRetry gives up after about five minutes.
func DefaultRetry() Retry { return Retry{AttemptsMax: 10, FirstMillis: 1_000, MaxMillis: 60_000} }

// after is how long to wait after attempt number n has failed.
func (r Retry) after(n int32) int64 {
	wait := r.FirstMillis
	for range n - 1 {
		if wait = 2 * wait; wait >= r.MaxMillis {
			return r.MaxMillis
		}
	}
	return min(wait, r.MaxMillis)
}

// abandonStep is the name of the step that Saga.Abandon makes.
const abandonStep = es.AbandonNode
