package saga

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"recount/internal/es"
)

// Declare makes the state machine of s. A declaration that contradicts itself is a programmer's error and panics, saying
// what is wrong.
func Declare[D any](s Saga[D]) es.Process {
	if s.Retry == (Retry{}) {
		s.Retry = DefaultRetry()
	}
	m := &machine[D]{s: s, final: -1}
	for i, step := range s.Steps {
		after := step.After
		if after == nil && i > 0 {
			after = []string{s.Steps[i-1].Name}
		}
		m.after = append(m.after, after)
		if step.Final {
			m.final = i
		}
	}
	if wrong := m.check(); wrong != "" {
		panic(fmt.Sprintf("saga %s: %s", s.Name, wrong))
	}
	return m
}

// machine is a declared saga as the engine runs it.
type machine[D any] struct {
	s     Saga[D]
	after [][]string // by step: those that must be done before
	final int        // the final step; -1: there is none
}

// check says what contradicts itself in the declaration, or nothing.
func (m *machine[D]) check() string {
	known := map[string]bool{abandonStep: true}
	for i := range m.s.Steps {
		step := &m.s.Steps[i]
		switch {
		case step.Name == "" || known[step.Name] || strings.ContainsAny(step.Name, "./#"):
			return fmt.Sprintf("step %q needs a name of its own, without dots, slashes and number signs, and not %q", step.Name, abandonStep)
		case step.Do == nil:
			return fmt.Sprintf("step %s does nothing", step.Name)
		case step.Final && (step.Undo != nil || step.Await != nil || step.DeadlineMillis > 0):
			return fmt.Sprintf("step %s is final: nothing but its commands' outcomes can answer it, and it is not undone", step.Name)
		case step.DeadlineOf != nil && step.DeadlineMillis == 0:
			return fmt.Sprintf("step %s has a deadline in some instances: declare the one that the others have", step.Name)
		}
		for _, before := range m.after[i] {
			if !known[before] || before == abandonStep {
				return fmt.Sprintf("step %s comes after %s, which is not declared before it", step.Name, before)
			}
		}
		known[step.Name] = true
	}
	if len(m.s.Steps) == 0 || len(m.s.Starts) == 0 {
		return "it needs a step, and an event that starts it"
	}
	return m.checkFinal()
}

// checkFinal sees that the final step is alone: nothing may be under way beside what decides whether there is a way back.
func (m *machine[D]) checkFinal() string {
	before := make([]map[string]bool, len(m.s.Steps)) // with all that comes before those
	place := map[string]int{}
	for i := range m.s.Steps {
		before[i] = map[string]bool{}
		for _, name := range m.after[i] {
			before[i][name] = true
			maps.Copy(before[i], before[place[name]])
		}
		place[m.s.Steps[i].Name] = i
	}
	finals := 0
	for i := range m.s.Steps {
		if m.s.Steps[i].Final {
			finals++
		}
		if m.final < 0 || i == m.final {
			continue
		}
		if !before[i][m.s.Steps[m.final].Name] && !before[m.final][m.s.Steps[i].Name] {
			return fmt.Sprintf("step %s is neither before nor after the final step %s", m.s.Steps[i].Name, m.s.Steps[m.final].Name)
		}
	}
	if finals > 1 {
		return "only one step can be final"
	}
	return ""
}

func (m *machine[D]) step(name string) *Step[D] {
	for i := range m.s.Steps {
		if m.s.Steps[i].Name == name {
			return &m.s.Steps[i]
		}
	}
	return nil
}

// abandon is what Abandon has to send, as a step's Do.
func (m *machine[D]) abandon(why StopReason) func(D) []es.Command {
	return func(d D) []es.Command { return m.s.Abandon(d, Reason(why)) }
}

func (m *machine[D]) Name() string                 { return m.s.Name }
func (m *machine[D]) Revision() int                { return m.s.Revision }
func (m *machine[D]) CommandTypes() map[string]any { return nil }

// StartedEvent is the name of the event that begins every process's history.
const StartedEvent = "Started"

func (m *machine[D]) EventTypes() map[string]any {
	var data D
	return map[string]any{
		StartedEvent:          data,
		"StepRequested":       StepRequested{},
		"StepSkipped":         StepSkipped{},
		"StepAccepted":        StepAccepted{},
		"StepSucceeded":       StepSucceeded{},
		"StepRefused":         StepRefused{},
		"StepFailed":          StepFailed{},
		"TimerSet":            TimerSet{},
		"TimerFired":          TimerFired{},
		"StopRequested":       StopRequested{},
		"CompensationStarted": CompensationStarted{},
		"Stuck":               Stuck{},
		"Retried":             Retried{},
		"Completed":           Completed{},
		"Compensated":         Compensated{},
	}
}

func (m *machine[D]) Upcasts(event string) []func(any) any {
	if event != StartedEvent {
		return nil
	}
	var out []func(any) any
	for _, up := range m.s.Upcasts {
		out = append(out, func(e any) any { return up(e.(D)) })
	}
	return out
}

func (m *machine[D]) Zero() any               { return Instance[D]{} }
func (m *machine[D]) StateType() reflect.Type { return reflect.TypeFor[Instance[D]]() }

func (m *machine[D]) Decide(state, input any, dst []any) ([]any, error) {
	return m.decide(state.(Instance[D]), input.(es.Input), dst)
}

func (m *machine[D]) Evolve(state, event any) any { return state.(Instance[D]).evolve(event) }

func (m *machine[D]) Concerns() []string {
	all := map[string]bool{}
	for name := range m.s.Starts {
		all[name] = true
	}
	for name := range m.s.Stops {
		all[name] = true
	}
	for _, step := range m.s.Steps {
		for name := range step.Await {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

func (m *machine[D]) Dispatch(process string, state, event any) []es.Request {
	e, ok := event.(StepRequested)
	if !ok {
		return nil
	}
	s := state.(Instance[D])
	var commands []es.Command
	switch step := m.step(e.Step); {
	case e.Step == abandonStep:
		commands = m.abandon(s.Stop)(s.Data)
	case e.Undo:
		commands = step.Undo(s.Data)
	default:
		commands = step.Do(s.Data)
	}
	attempt := es.Attempt{Step: e.Step, Leg: e.Leg, Undo: e.Undo, Number: e.Attempt}
	return []es.Request{{CommandID: attempt.CommandID(process), ValidAt: e.ValidAt, Command: commands[e.Leg]}}
}

func (m *machine[D]) Timers(state any) []es.Timer { return state.(Instance[D]).Timers }

func (m *machine[D]) Progress(before, event any, at int64) (p es.Progress, ok bool) {
	switch e := event.(type) {
	case D:
		return es.Progress{Milestone: es.Started}, true
	case StepSucceeded:
		name := e.Step + either(e.Undo, ".undo", "")
		s := before.(Instance[D])
		return es.Progress{Milestone: es.StepAnswered, Step: name, TookMillis: at - s.at(e.Step, e.Leg).SentAt}, true
	case Stuck:
		return es.Progress{Milestone: es.StuckAtAStep, Step: e.Step}, true
	case Retried:
		return es.Progress{Milestone: es.MendedByOrder}, before.(Instance[D]).Phase.IsStuck()
	case Completed:
		return es.Progress{Milestone: es.Completed}, true
	case Compensated:
		return es.Progress{Milestone: es.Compensated}, true
	}
	return es.Progress{}, false
}

func (m *machine[D]) Standing(state any) es.Standing {
	s := state.(Instance[D])
	out := es.Standing{
		Phase: string(s.Phase), Code: s.Stop.Code, Detail: s.Stop.Detail, Ended: s.Phase.Ended(), Stuck: s.Phase.IsStuck(),
	}
	var under []string
	for i := range s.Legs {
		l := &s.Legs[i]
		switch l.State {
		case LegStuck, LegUndoStuck, LegWaiting, LegUndoWaiting:
			out.Code, out.Detail = l.Code, l.Detail
		case LegSent, LegAccepted, LegUndoSent:
		default:
			continue
		}
		name := l.Step + either(l.State == LegUndoSent || l.State == LegUndoWaiting || l.State == LegUndoStuck, " (undo)", "")
		if !slices.Contains(under, name) {
			under = append(under, name)
		}
	}
	out.Step = strings.Join(under, ", ")
	return out
}

func (m *machine[D]) Machine() es.Machine {
	out := es.Machine{
		Name: m.s.Name, Starts: slices.Sorted(maps.Keys(m.s.Starts)), Stops: slices.Sorted(maps.Keys(m.s.Stops)),
		DeadlineMillis: m.s.DeadlineMillis, Abandons: m.s.Abandon != nil,
	}
	for i, step := range m.s.Steps {
		out.Steps = append(out.Steps, es.MachineStep{
			Name: step.Name, After: m.after[i], Awaits: slices.Sorted(maps.Keys(step.Await)),
			DeadlineMillis: step.DeadlineMillis, DeadlineVaries: step.DeadlineOf != nil, Undone: step.Undo != nil, Final: step.Final,
		})
	}
	return out
}
