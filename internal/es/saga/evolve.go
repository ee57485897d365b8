package saga

import (
	"fmt"
	"slices"
	"strings"

	"recount/internal/es"
)

// evolve returns the instance after event. It shares no memory with s that either changes: timers are never changed
// where they are, and legs are copied where the event is about any.
func (s Instance[D]) evolve(event any) Instance[D] {
	switch event.(type) {
	case D, TimerSet, TimerFired, StopRequested, Completed, Compensated:
	default:
		s.Legs = ownLegs(s.Legs)
	}
	s.apply(event)
	return s
}

// legsRoom is for how many legs more a copy has room: one event adds one.
const legsRoom = 1

func ownLegs(legs []Leg) []Leg { return append(make([]Leg, 0, len(legs)+legsRoom), legs...) }

// apply makes s the instance after event. Its legs must be its own.
func (s *Instance[D]) apply(event any) {
	switch e := event.(type) {
	case D:
		s.Data, s.Phase = e, Running
	case TimerSet:
		s.wait(es.Timer(e))
	case TimerFired:
		s.forget(e.Name)
	case StopRequested:
		s.Stop = StopReason(e)
	case CompensationStarted:
		s.turnBack()
	case Stuck:
		s.stick(e)
	case Retried:
		s.unstick()
	case Completed:
		s.Phase, s.Timers, s.Stop = IsCompleted, nil, StopReason{}
	case Compensated:
		s.Phase, s.Timers = IsUndone, nil
	default:
		s.step(event)
	}
}

// step takes an event over that is about one step.
func (s *Instance[D]) step(event any) {
	switch e := event.(type) {
	case StepRequested:
		s.send(e)
	case StepSkipped:
		s.Legs = append(s.Legs, Leg{Step: e.Step, Index: -1, State: LegDone})
	case StepAccepted:
		s.at(e.Step, e.Leg).State = LegAccepted
	case StepSucceeded:
		s.at(e.Step, e.Leg).State = either(e.Undo, LegUndone, LegDone)
		s.settle(e.Step)
	case StepRefused:
		l := s.at(e.Step, e.Leg)
		l.State, l.Code, l.Detail, l.Refused = either(e.Undo, LegUndoFailed, LegRefused), e.Code, e.Detail, true
		s.settle(e.Step)
	case StepFailed:
		s.fail(e)
	default:
		panic(es.Unhandled(e))
	}
}

func either[T any](undo bool, back, forward T) T {
	if undo {
		return back
	}
	return forward
}

// at returns a leg that was sent. That one was not can't be in a history.
func (s *Instance[D]) at(step string, leg int32) *Leg {
	i := s.leg(step, leg)
	if i < 0 {
		panic(fmt.Sprintf("saga: step %s has no leg %d", step, leg))
	}
	return &s.Legs[i]
}

func (s *Instance[D]) send(e StepRequested) {
	i := s.leg(e.Step, e.Leg)
	if i < 0 {
		i = len(s.Legs)
		s.Legs = append(s.Legs, Leg{Step: e.Step, Index: e.Leg})
	}
	l := &s.Legs[i]
	l.SentAt, l.ValidAt, l.Target, l.Refused = e.At, e.ValidAt, e.Target, false
	if e.Undo {
		if l.State != LegUndoWaiting {
			l.Failures = 0
		}
		l.State, l.Undos = LegUndoSent, e.Attempt
	} else {
		l.State, l.Attempts = LegSent, e.Attempt
	}
}

func (s *Instance[D]) fail(e StepFailed) {
	l := s.at(e.Step, e.Leg)
	l.Code, l.Detail, l.Failures = e.Code, e.Detail, e.Failure
	if e.RetryAt == 0 {
		l.State = either(e.Undo, LegUndoFailed, LegFailed)
		s.settle(e.Step)
		return
	}
	l.State = either(e.Undo, LegUndoWaiting, LegWaiting)
	s.wait(es.Timer{Name: retryTimer(e.Step, e.Leg, e.Undo), Due: e.RetryAt, Correlation: e.Correlation})
}

// settle forgets a step's deadline once all of its legs are answered.
func (s *Instance[D]) settle(step string) {
	if !s.any(step, LegSent, LegAccepted, LegWaiting) {
		s.forget(stepTimers + step)
	}
}

// wait and drop make another list of timers: the one there was may be an earlier instance's.
func (s *Instance[D]) wait(t es.Timer) { s.Timers = append(slices.Clip(s.Timers), t) }

func (s *Instance[D]) drop(which func(es.Timer) bool) {
	if slices.ContainsFunc(s.Timers, which) {
		s.Timers = slices.DeleteFunc(slices.Clone(s.Timers), which)
	}
}

func (s *Instance[D]) forget(timer string) {
	s.drop(func(t es.Timer) bool { return t.Name == timer })
}

// turnBack drops what lies ahead. What is under way stays so until its answer tells whether there is something to undo.
func (s *Instance[D]) turnBack() {
	s.Phase, s.Timers = Compensating, nil
	for i := range s.Legs {
		if s.Legs[i].State == LegWaiting {
			s.Legs[i].State = LegFailed
		}
	}
}

func (s *Instance[D]) stick(e Stuck) {
	s.at(e.Step, e.Leg).State = either(e.Undo, LegUndoStuck, LegStuck)
	if s.Phase == Running {
		s.Phase = StuckForward
	} else if s.Phase == Compensating {
		s.Phase = StuckBack
	}
}

// unstick has what is stuck, or waits for its time, be sent again at once.
func (s *Instance[D]) unstick() {
	switch s.Phase {
	case StuckForward:
		s.Phase = Running
	case StuckBack:
		s.Phase = Compensating
	}
	for i := range s.Legs {
		switch l := &s.Legs[i]; l.State {
		case LegStuck:
			l.State, l.Failures = LegWaiting, 0
		case LegUndoStuck:
			l.State, l.Failures = LegUndoWaiting, 0
		}
	}
	s.drop(func(t es.Timer) bool { return strings.HasPrefix(t.Name, retryTimers) })
}
