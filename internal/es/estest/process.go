package estest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"recount/internal/es"
)

// ProcessValidAt is when the inputs of a ProcessCase are true in the world, Unix milliseconds.
const ProcessValidAt = 500

// ProcessID is the full ID of the instance that a ProcessCase is about.
const ProcessID = "test/saga/1"

// ProcessCase is one row for a saga: after the inputs Given, When leads to the events Then and sends Sends, or changes
// nothing for the reason Refused. Inputs come a second apart, the first at second 1, in Unix milliseconds.
type ProcessCase struct {
	Name    string
	Given   []es.Occurrence
	When    es.Occurrence
	Then    []any
	Sends   []es.Request
	Refused es.Refusal
}

// RunProcess checks every case.
func RunProcess(t *testing.T, p es.Process, cases []ProcessCase) {
	t.Helper()
	for _, tc := range cases {
		t.Run(tc.Name, func(t *testing.T) {
			t.Parallel()
			if problem := CheckProcess(p, tc); problem != nil {
				t.Fatal(problem)
			}
		})
	}
}

// CheckProcess runs one case and says what differs, or nil.
func CheckProcess(p es.Process, tc ProcessCase) error {
	run := NewInstance(p, ProcessID)
	for i, given := range tc.Given {
		if err := run.Take(given); err != nil {
			return fmt.Errorf("given number %d: %w", i, err)
		}
	}
	history := len(run.History)
	run.Sent = nil
	err := run.Take(tc.When)
	then := run.History[history:]
	switch {
	case tc.Refused != "" && !errors.Is(err, tc.Refused):
		return fmt.Errorf("got %v, want refusal %v", err, tc.Refused)
	case tc.Refused == "" && err != nil:
		return fmt.Errorf("refused with %w", err)
	case !slices.EqualFunc(then, tc.Then, reflect.DeepEqual):
		return fmt.Errorf("events = %+v\nwant %+v", then, tc.Then)
	case !slices.EqualFunc(run.Sent, tc.Sends, func(a, b es.Request) bool { return reflect.DeepEqual(a, b) }):
		return fmt.Errorf("sent = %+v\nwant %+v", run.Sent, tc.Sends)
	}
	return run.CheckFold()
}

// Instance is one process in memory: what the engine makes of it, without an engine.
type Instance struct {
	p       es.Process
	process string
	// Now is when the next input is consumed, Unix milliseconds. Take moves it on by a second.
	Now     int64
	State   any
	History []any
	// Sent are the commands sent so far.
	Sent []es.Request
	past []moment
}

// moment is a state as it was when it came to be.
type moment struct {
	state any
	text  string
}

func text(state any) string { return fmt.Sprintf("%+v", state) }

// NewInstance returns a process that was not started.
func NewInstance(p es.Process, process string) *Instance {
	return &Instance{p: p, process: process, Now: 1_000, State: p.Zero()}
}

// Take gives it an input. The error is the reason why that changed nothing.
func (i *Instance) Take(what es.Occurrence) error {
	events, err := i.p.Decide(i.State, es.Input{Process: i.process, At: i.Now, ValidAt: ProcessValidAt, What: what}, nil)
	i.Now += 1_000
	if err != nil {
		return err
	}
	for _, e := range events {
		i.State = i.p.Evolve(i.State, e)
		i.past = append(i.past, moment{i.State, text(i.State)})
		i.History = append(i.History, e)
		i.Sent = append(i.Sent, i.p.Dispatch(i.process, i.State, e)...)
	}
	return nil
}

// Timers are what it waits for.
func (i *Instance) Timers() []es.Timer { return i.p.Timers(i.State) }

// CheckFold says whether the history folds to another state than the one at hand, or an earlier state is no longer what it
// was: Decide or Evolve mutates then.
func (i *Instance) CheckFold() error {
	for _, m := range i.past {
		if now := text(m.state); now != m.text {
			return fmt.Errorf("a state was changed by what came after it: %s, and not %s", now, m.text)
		}
	}
	state := i.p.Zero()
	for _, e := range i.History {
		state = i.p.Evolve(state, e)
	}
	if !reflect.DeepEqual(state, i.State) {
		return fmt.Errorf("the state after differs from the fold of all events: %+v, and not %+v", i.State, state)
	}
	return nil
}
