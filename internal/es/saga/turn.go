package saga

import (
	"fmt"
	"slices"

	"recount/internal/es"
)

// turn does the next thing that follows from where an instance is, if there is one.
func (m *machine[D]) turn(r *run[D]) {
	switch r.Phase {
	case Running:
		m.forward(r)
	case Compensating:
		m.back(r)
	}
}

func (m *machine[D]) forward(r *run[D]) {
	final := m.isFinal(&r.Instance)
	for i := range r.Legs {
		l := r.Legs[i]
		if l.State != LegRefused && l.State != LegFailed {
			continue
		}
		switch {
		case final:
			r.emit(Stuck{Step: l.Step, Leg: l.Index, Code: l.Code})
			return
		case r.Stop.Code == "":
			r.emit(StopRequested{Code: l.Code, Detail: l.Detail, Step: l.Step})
			return
		}
	}
	if r.Stop.Code != "" && !final {
		if !m.decides(&r.Instance) {
			r.emit(CompensationStarted{Code: r.Stop.Code})
		}
		return
	}
	m.advance(r)
}

// advance sends what can be sent.
func (m *machine[D]) advance(r *run[D]) {
	all := true
	for i := range m.s.Steps {
		step := &m.s.Steps[i]
		switch {
		case r.done(step.Name):
			continue
		case r.requested(step.Name):
			r.resend(step.Name, step.Do, false)
		case !slices.ContainsFunc(m.after[i], func(before string) bool { return !r.done(before) }):
			m.request(r, step)
		}
		all = all && r.done(step.Name)
	}
	if all {
		r.emit(Completed{})
	}
}

// request sends a step for the first time.
func (m *machine[D]) request(r *run[D], step *Step[D]) {
	legs := step.Do(r.Data)
	if step.Undo != nil && len(step.Undo(r.Data)) != len(legs) {
		panic(fmt.Sprintf("saga %s: step %s has %d commands, and %d that undo them", m.s.Name, step.Name, len(legs), len(step.Undo(r.Data))))
	}
	if len(legs) == 0 {
		r.emit(StepSkipped{Step: step.Name})
		return
	}
	for i, c := range legs {
		r.dispatch(Leg{Step: step.Name, Index: int32(i)}, false, c)
	}
	if wait := step.deadline(r.Data); wait > 0 {
		r.emit(TimerSet{Name: stepTimers + step.Name, Due: r.in.At + wait, Correlation: r.in.Correlation})
	}
}

// deadline is how long the step's answer may take in an instance that knows d; zero: for ever.
func (s *Step[D]) deadline(d D) int64 {
	if s.DeadlineOf != nil {
		if own := s.DeadlineOf(d); own > 0 {
			return own
		}
	}
	return s.DeadlineMillis
}

// dispatch sends a leg once more, or for the first time.
func (r *run[D]) dispatch(l Leg, undo bool, c es.Command) {
	number := l.attempt(undo).Number
	if number == 0 || l.Refused {
		number++
	}
	r.emit(StepRequested{
		Step: l.Step, Leg: l.Index, Undo: undo, Attempt: number,
		At: r.in.At, ValidAt: r.validAt(), Target: c.Aggregate + "/" + c.ID,
	})
}

// validAt is that of the first command, and of what started the process where none was sent before.
func (r *run[D]) validAt() int64 {
	for i := range r.Legs {
		if at := r.Legs[i].ValidAt; at != 0 {
			return at
		}
	}
	return r.in.ValidAt
}

// resend sends those legs of a step again that have waited long enough since they failed.
func (r *run[D]) resend(step string, commands func(D) []es.Command, undo bool) {
	for i := range r.Legs {
		if l := r.Legs[i]; l.Step == step && r.due(&l) {
			r.dispatch(l, undo, commands(r.Data)[l.Index])
		}
	}
}

// back undoes the last step that is not undone, and at last says that it came to nothing.
func (m *machine[D]) back(r *run[D]) {
	for i := range m.s.Steps {
		if r.any(m.s.Steps[i].Name, LegSent) {
			return // only its answer tells whether there is something to undo
		}
	}
	for i := range slices.Backward(m.s.Steps) {
		if step := &m.s.Steps[i]; step.Undo != nil && !m.undone(r, step) {
			return
		}
	}
	if !m.abandoned(r) {
		return
	}
	r.emit(Compensated{Code: r.Stop.Code})
}

// undone says whether nothing of a step is left, and else does what is next to do about it.
func (m *machine[D]) undone(r *run[D], step *Step[D]) bool {
	for i := range r.Legs {
		l := r.Legs[i]
		switch {
		case l.Step != step.Name || l.Index < 0:
		case l.State == LegDone || l.State == LegAccepted:
			r.dispatch(l, true, step.Undo(r.Data)[l.Index])
		case l.State == LegUndoFailed:
			r.emit(Stuck{Step: l.Step, Leg: l.Index, Undo: true, Code: l.Code})
		}
	}
	if r.Phase != Compensating {
		return false
	}
	r.resend(step.Name, step.Undo, true)
	return !r.any(step.Name, LegUndoSent, LegUndoWaiting, LegUndoStuck)
}

// abandoned says whether everybody knows that it came to nothing, and else does what is next to do about it.
func (m *machine[D]) abandoned(r *run[D]) bool {
	if m.s.Abandon == nil {
		return true
	}
	if !r.requested(abandonStep) {
		m.request(r, &Step[D]{Name: abandonStep, Do: m.abandon(r.Stop)})
	}
	for l := range r.of(abandonStep) {
		if l.State == LegRefused || l.State == LegFailed {
			r.emit(Stuck{Step: l.Step, Leg: l.Index, Code: l.Code})
			return false
		}
	}
	r.resend(abandonStep, m.abandon(r.Stop), false)
	return r.done(abandonStep)
}

// isFinal says whether there is no way back.
func (m *machine[D]) isFinal(s *Instance[D]) bool {
	return m.final >= 0 && s.done(m.s.Steps[m.final].Name)
}

// decides says whether the answer is out on which it depends if there is a way back.
func (m *machine[D]) decides(s *Instance[D]) bool {
	return m.final >= 0 && s.any(m.s.Steps[m.final].Name, LegSent)
}
