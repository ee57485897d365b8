package saga

import (
	"slices"
	"strconv"

	"recount/internal/es"
)

// Phase is where an instance is. The strings are wire names; one that was never started has none.
type Phase string

// The phases. The last two are the ends.
const (
	Running      Phase = "running"
	Compensating Phase = "compensating"
	StuckForward Phase = "stuck"              // behind a final step
	StuckBack    Phase = "stuck-compensating" // something can't be undone
	IsCompleted  Phase = "completed"
	IsUndone     Phase = "compensated"
)

// Ended says whether nothing more can come.
func (p Phase) Ended() bool { return p == IsCompleted || p == IsUndone }

// IsStuck says whether an operator is needed.
func (p Phase) IsStuck() bool { return p == StuckForward || p == StuckBack }

// Instance is the state of one process. It tells everything but what the steps are, which is declared.
type Instance[D any] struct {
	Data  D     `avro:"data"`
	Phase Phase `avro:"phase"`
	// Stop is why it gives up, or gave up; zero: it does not.
	Stop StopReason `avro:"stop"`
	// Legs are what was sent so far, in the order in which it was sent first.
	Legs []Leg `avro:"legs"`
	// Timers are what is waited for.
	Timers []es.Timer `avro:"timers"`
}

// StopReason is a Reason in a state.
type StopReason struct {
	Code   string `avro:"code"`
	Detail string `avro:"detail"`
	Step   string `avro:"step"`
}

// Leg is one command of a step, and what has become of it.
type Leg struct {
	Step  string   `avro:"step"`
	Index int32    `avro:"index"` // from 0; -1: the step had nothing to do
	State LegState `avro:"state"`
	// Attempts is the number it was sent under, Undos that of what takes it back.
	Attempts int32 `avro:"attempts"`
	Undos    int32 `avro:"undos"`
	// Refused says that the last answer was no: sent again, it is another command. Failures counts those since it was sent
	// at an operator's wish, or at all.
	Refused  bool   `avro:"refused"`
	Failures int32  `avro:"failures"`
	SentAt   int64  `avro:"sent_at"` // the last of either, Unix milliseconds
	ValidAt  int64  `avro:"valid_at"`
	Target   string `avro:"target"`
	// Code and Detail are of its last refusal or failure.
	Code   string `avro:"code"`
	Detail string `avro:"detail"`
}

// LegState is where a leg is. The strings are wire names.
type LegState string

// The states of a leg.
const (
	LegSent        LegState = "sent"     // whether it was done, only its answer tells
	LegAccepted    LegState = "accepted" // the event that answers it is awaited
	LegDone        LegState = "done"
	LegRefused     LegState = "refused" // nothing was done
	LegFailed      LegState = "failed"  // nothing was done, and it is not tried again
	LegWaiting     LegState = "waiting" // failed; it is sent again when its timer is gone
	LegStuck       LegState = "stuck"   // behind a final step, or telling that it came to nothing
	LegUndoSent    LegState = "undo-sent"
	LegUndoWaiting LegState = "undo-waiting"
	LegUndoFailed  LegState = "undo-failed" // refused, or failed too often
	LegUndoStuck   LegState = "undo-stuck"
	LegUndone      LegState = "undone"
)

// attempt is the last one of the leg.
func (l *Leg) attempt(undo bool) es.Attempt {
	if undo {
		return es.Attempt{Step: l.Step, Leg: l.Index, Undo: true, Number: l.Undos}
	}
	return es.Attempt{Step: l.Step, Leg: l.Index, Number: l.Attempts}
}

// Names of timers.
const (
	deadlineTimer = "deadline"
	stepTimers    = "step/"
	retryTimers   = "retry/"
)

// retryTimer is the name of what a failed leg waits for.
func retryTimer(step string, leg int32, undo bool) string {
	name := retryTimers + step + "." + strconv.Itoa(int(leg))
	if undo {
		name += ".undo"
	}
	return name
}

// leg returns the place of a leg, or -1.
func (s *Instance[D]) leg(step string, index int32) int {
	return slices.IndexFunc(s.Legs, func(l Leg) bool { return l.Step == step && l.Index == index })
}

// of yields the legs of a step.
func (s *Instance[D]) of(step string) func(yield func(*Leg) bool) {
	return func(yield func(*Leg) bool) {
		for i := range s.Legs {
			if s.Legs[i].Step == step && !yield(&s.Legs[i]) {
				return
			}
		}
	}
}

// any says whether a leg of a step is in one of these states.
func (s *Instance[D]) any(step string, states ...LegState) bool {
	for l := range s.of(step) {
		if slices.Contains(states, l.State) {
			return true
		}
	}
	return false
}

// requested says whether a step was sent, or skipped.
func (s *Instance[D]) requested(step string) bool {
	return slices.ContainsFunc(s.Legs, func(l Leg) bool { return l.Step == step })
}

// done says whether a step is done as a whole.
func (s *Instance[D]) done(step string) bool {
	for l := range s.of(step) {
		if l.State != LegDone {
			return false
		}
	}
	return s.requested(step)
}

// waits says whether a timer is waited for.
func (s *Instance[D]) waits(timer string) bool {
	return slices.ContainsFunc(s.Timers, func(t es.Timer) bool { return t.Name == timer })
}

// due says whether a leg that failed is to be sent again now.
func (s *Instance[D]) due(l *Leg) bool {
	undo := l.State == LegUndoWaiting
	return (undo || l.State == LegWaiting) && !s.waits(retryTimer(l.Step, l.Index, undo))
}
