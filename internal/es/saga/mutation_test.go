package saga_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// mutant is a process that does one thing wrong.
type mutant struct {
	es.Process
	dispatch func(es.Request) es.Request
	timers   func([]es.Timer) []es.Timer
	evolved  func(before, after, event any)
}

func (m *mutant) Dispatch(process string, state, event any) []es.Request {
	out := m.Process.Dispatch(process, state, event)
	for i := range out {
		out[i] = m.dispatch(out[i])
	}
	return out
}

func (m *mutant) Timers(state any) []es.Timer { return m.timers(m.Process.Timers(state)) }

func (m *mutant) Evolve(state, event any) any {
	after := m.Process.Evolve(state, event)
	m.evolved(state, after, event)
	return after
}

// world answers every command, fires every timer, and has the worker die after every input: what it knew is folded anew.
type world struct {
	sent   map[string]int // by command ID
	broken map[string]bool
	extra  []es.Request // sent by a fold
	undone []string
	phase  saga.Phase
	fold   error // what is wrong with the states that came to be
}

// play has payment refused, so that the saga goes back, and the first attempt of each command fail.
func play(p *mutant) world {
	w := world{sent: map[string]int{}, broken: map[string]bool{}}
	i := estest.NewInstance(p, estest.ProcessID)
	inputs := []es.Occurrence{start(true)}
	told := 0
	for range 100 {
		if len(inputs) == 0 {
			for _, t := range i.Timers() {
				if strings.HasPrefix(t.Name, "retry/") {
					inputs = append(inputs, es.Elapsed{Timer: t})
				}
			}
		}
		if len(inputs) == 0 {
			break
		}
		if err := i.Take(inputs[0]); err != nil {
			var no es.Refusal
			if !errors.As(err, &no) {
				panic(err)
			}
		}
		inputs = inputs[1:]
		i.State = p.Zero()
		for _, e := range i.History { // the worker has died, and another folds
			i.State = p.Evolve(i.State, e)
		}
		for _, r := range append(i.Sent[told:], w.extra...) {
			inputs = append(inputs, w.answer(r)...)
		}
		told, w.extra = len(i.Sent), nil
	}
	for _, e := range i.History {
		if s, ok := e.(saga.StepRequested); ok && s.Undo {
			w.undone = append(w.undone, s.Step)
		}
	}
	w.phase, w.fold = saga.Phase(p.Standing(i.State).Phase), i.CheckFold()
	return w
}

func (w *world) answer(r es.Request) []es.Occurrence {
	w.sent[r.CommandID]++
	if !w.broken[r.CommandID] {
		w.broken[r.CommandID] = true
		return []es.Occurrence{answer(es.Failed, "decide-panicked", r.CommandID)}
	}
	if _, isCharge := r.Body.(charge); isCharge {
		return []es.Occurrence{answer(es.Accepted, "", r.CommandID), event("payment", "Paid", paid{}), event("order", "Stopped", stopped{})}
	}
	if _, isConfirm := r.Body.(confirm); isConfirm {
		return []es.Occurrence{answer(es.Refused, "order/gone", r.CommandID)}
	}
	return []es.Occurrence{answer(es.Accepted, "", r.CommandID)}
}

// check says what must not be: a command under way twice, steps undone out of order, a saga without an end.
func (w world) check() error {
	faults := []error{w.fold}
	for id, n := range w.sent {
		if n > 2 { // once, and once more after it had failed
			faults = append(faults, fmt.Errorf("%s was sent %d times", id, n))
		}
	}
	order := map[string]int{"pay": 1, "book": 2}
	for i := 1; i < len(w.undone); i++ {
		if order[w.undone[i]] < order[w.undone[i-1]] {
			faults = append(faults, fmt.Errorf("undone in the order %v", w.undone))
		}
	}
	if len(w.undone) == 0 || !w.phase.Ended() {
		faults = append(faults, fmt.Errorf("it is %s, with %v undone", w.phase, w.undone))
	}
	return errors.Join(faults...)
}

func sound() *mutant {
	return &mutant{
		Process:  saga.Declare(declaration()),
		dispatch: func(r es.Request) es.Request { return r },
		timers:   func(t []es.Timer) []es.Timer { return t },
		evolved:  func(_, _, _ any) {},
	}
}

func TestMutantsAreCaught(t *testing.T) {
	t.Parallel()
	if err := play(sound()).check(); err != nil {
		t.Fatal(err)
	}
	number := 0
	random := sound()
	random.dispatch = func(r es.Request) es.Request {
		number++
		r.CommandID = fmt.Sprint(r.CommandID, "-", number)
		return r
	}
	lost := sound()
	lost.timers = func([]es.Timer) []es.Timer { return nil }
	scribbling := sound()
	scribbling.evolved = func(before, _, _ any) {
		for i := range before.(saga.Instance[trip]).Legs {
			before.(saga.Instance[trip]).Legs[i].Detail = "scribbled"
		}
	}
	for name, m := range map[string]*mutant{"command IDs that don't derive": random, "a timer lost": lost, "states that change": scribbling} {
		if play(m).check() == nil {
			t.Errorf("%s: nobody notices", name)
		}
	}
	for name, w := range map[string]world{
		"dispatch on replay":        replayed(),
		"compensation out of order": disordered(),
	} {
		if w.check() == nil {
			t.Errorf("%s: nobody notices", name)
		}
	}
}

// replayed is a world whose workers send when they fold.
func replayed() world {
	m := sound()
	w := world{sent: map[string]int{}, broken: map[string]bool{}}
	m.evolved = func(_, state, event any) {
		for _, r := range m.Process.Dispatch(estest.ProcessID, state, event) {
			w.sent[r.CommandID]++
		}
	}
	ended := play(m)
	ended.sent = w.sent
	return ended
}

// disordered is a world in which what was undone last was undone first.
func disordered() world {
	w := play(sound())
	for i, j := 0, len(w.undone)-1; i < j; i, j = i+1, j-1 {
		w.undone[i], w.undone[j] = w.undone[j], w.undone[i]
	}
	return w
}
