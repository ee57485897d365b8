package saga

import (
	"strings"

	"recount/internal/es"
)

// run is one input on its way: the events it has led to, and the instance after them, whose legs are the run's own.
type run[D any] struct {
	Instance[D]
	in     es.Input
	events []any
}

func (r *run[D]) emit(event any) {
	r.events = append(r.events, event)
	r.apply(event)
}

// decide appends to dst what in leads to, or returns why it changes nothing.
func (m *machine[D]) decide(s Instance[D], in es.Input, dst []any) ([]any, error) {
	r := &run[D]{Instance: s, in: in, events: dst}
	r.Legs = ownLegs(s.Legs)
	if err := m.take(r); err != nil {
		return dst, err
	}
	for before := -1; before < len(r.events); {
		before = len(r.events)
		m.turn(r)
	}
	return r.events, nil
}

// take has the input alone change the instance.
func (m *machine[D]) take(r *run[D]) error {
	if what, ok := r.in.What.(es.Happened); ok && r.Phase == "" {
		return m.start(r, what)
	}
	switch {
	case r.Phase == "":
		return es.NotStarted
	case r.Phase.Ended():
		return es.Ended
	}
	switch what := r.in.What.(type) {
	case es.Happened:
		return m.happened(r, what)
	case es.Answered:
		return m.answered(r, what)
	case es.Elapsed:
		return m.elapsed(r, what.Timer)
	case es.Ordered:
		return m.ordered(r, what)
	}
	panic(es.Unhandled(r.in.What))
}

func (m *machine[D]) start(r *run[D], what es.Happened) error {
	data, ok := m.s.Starts[what.Aggregate+"."+what.Type]
	if !ok {
		return es.NotStarted
	}
	r.emit(data(r.in.ID(), what.Event))
	if m.s.DeadlineMillis > 0 {
		r.emit(TimerSet{Name: deadlineTimer, Due: r.in.At + m.s.DeadlineMillis, Correlation: r.in.Correlation})
	}
	return nil
}

func (m *machine[D]) happened(r *run[D], what es.Happened) error {
	name := what.Aggregate + "." + what.Type
	if _, again := m.s.Starts[name]; again {
		return es.AlreadyStarted
	}
	if why, stops := m.s.Stops[name]; stops {
		return m.stop(r, Reason{Code: string(why(what.Event))})
	}
	heard := false
	for i := range m.s.Steps {
		step := &m.s.Steps[i]
		answer, awaited := step.Await[name]
		if !awaited || r.Phase != Running {
			continue // what was to be undone anyway is undone, whatever else becomes of it
		}
		for i := range r.Legs {
			l := r.Legs[i]
			if l.Step != step.Name || l.State != LegSent && l.State != LegAccepted {
				continue
			}
			heard = true
			if code := answer(what.Event); code != "" {
				r.emit(StepRefused{Step: l.Step, Leg: l.Index, Code: string(code)})
			} else {
				r.emit(StepSucceeded{Step: l.Step, Leg: l.Index})
			}
		}
	}
	return es.Require(heard, es.NotAwaited)
}

// stop has the instance give up, if it still can and does not already.
func (m *machine[D]) stop(r *run[D], why Reason) error {
	switch {
	case m.isFinal(&r.Instance) || r.Phase != Running:
		return es.NoWayBack
	case r.Stop.Code != "":
		return es.NotAwaited
	}
	r.emit(StopRequested(why))
	return nil
}

func (m *machine[D]) answered(r *run[D], what es.Answered) error {
	for i := range r.Legs {
		l := r.Legs[i]
		undo := l.State == LegUndoSent
		// What failed may have been decided after all, if an operator sent the dead letter again.
		open := undo || l.State == LegSent || what.Outcome == es.Accepted && (l.State == LegWaiting || l.State == LegFailed)
		if open && l.attempt(undo).Sent(r.in.Process, what.CommandID) {
			m.answer(r, l, undo, what)
			return nil
		}
	}
	return es.NotAwaited
}

func (m *machine[D]) answer(r *run[D], l Leg, undo bool, what es.Answered) {
	switch what.Outcome {
	case es.Refused:
		r.emit(StepRefused{Step: l.Step, Leg: l.Index, Undo: undo, Code: what.Code, Detail: what.Detail})
	case es.Failed:
		e := StepFailed{
			Step: l.Step, Leg: l.Index, Undo: undo, Failure: l.Failures + 1, Code: what.Code, Detail: what.Detail, Correlation: r.in.Correlation,
		}
		if e.Failure < m.s.Retry.AttemptsMax && m.goesOn(r, l.Step, undo) {
			e.RetryAt = r.in.At + m.s.Retry.after(e.Failure)
		}
		r.emit(e)
	default:
		if step := m.step(l.Step); !undo && step != nil && step.Await != nil && r.Phase == Running {
			r.emit(StepAccepted{Step: l.Step, Leg: l.Index})
			return
		}
		r.emit(StepSucceeded{Step: l.Step, Leg: l.Index, Undo: undo})
	}
}

// goesOn says whether a failed leg is still wanted.
func (m *machine[D]) goesOn(r *run[D], step string, undo bool) bool {
	if undo || step == abandonStep {
		return true
	}
	return r.Phase == Running && (r.Stop.Code == "" || m.isFinal(&r.Instance))
}

func (m *machine[D]) elapsed(r *run[D], timer es.Timer) error {
	waited := false
	for _, t := range r.Timers {
		waited = waited || t.Name == timer.Name && t.Due == timer.Due
	}
	if !waited {
		return es.NotAwaited
	}
	r.emit(TimerFired{Name: timer.Name})
	if r.Stop.Code != "" || m.isFinal(&r.Instance) || r.Phase != Running {
		return nil
	}
	if timer.Name == deadlineTimer {
		r.emit(StopRequested{Code: DeadlinePassed})
	}
	if step, late := strings.CutPrefix(timer.Name, stepTimers); late {
		r.emit(StopRequested{Code: StepLate, Step: step})
	}
	return nil
}

func (m *machine[D]) ordered(r *run[D], what es.Ordered) error {
	if what.Order == es.OrderCompensate {
		return m.stop(r, Reason{Code: ByOperator, Detail: strings.TrimPrefix(what.Actor+": "+what.Reason, ": ")})
	}
	for i := range r.Legs {
		switch r.Legs[i].State {
		case LegStuck, LegUndoStuck, LegWaiting, LegUndoWaiting:
			r.emit(Retried{Actor: what.Actor, Reason: what.Reason})
			return nil
		}
	}
	return es.NothingToRetry
}
