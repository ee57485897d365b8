package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"recount/domain"
	"recount/e2e/deals"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// The invariants of sagas.
const (
	dealsDone = "deals move what they say, or nothing"
	sagasEnd  = "every saga ends"
	sentOnce  = "what was sent is what the histories say"
	inReverse = "what was done is undone in reverse"
)

// sagaInvariant is a sentence that holds after every run of a sagaWorld.
type sagaInvariant struct {
	name  string
	check func(*sagaWorld) []string
}

func sagaInvariants() []sagaInvariant {
	return []sagaInvariant{
		{dealsDone, (*sagaWorld).dealsDone},
		{sagasEnd, (*sagaWorld).sagasEnd},
		{sentOnce, (*sagaWorld).sentOnce},
		{inReverse, (*sagaWorld).inReverse},
	}
}

// breaches checks every invariant on what is in the logs.
func (w *sagaWorld) breaches() (out []breach) {
	for _, i := range sagaInvariants() {
		found := i.check(w)
		for _, what := range found[:min(len(found), breachesPerInvariantMax)] {
			out = append(out, breach{i.name, what})
		}
	}
	return out
}

// dealsDone: by the log of the aggregates alone, nothing was carried out twice or by half.
func (w *sagaWorld) dealsDone() []string {
	l := deals.NewLog(domain.Contexts())
	var err error
	w.each(func(context string, log *sagaLog) {
		for _, r := range log.events.records {
			e, broken := w.frames.Context(context).DecodeEvent(bytes.Clone(r.value))
			if broken == nil {
				broken = l.Add(es.Recorded{Context: context, Aggregate: e.Aggregate.Name(), Type: e.Type, Event: e.Body, Meta: e.Meta})
			}
			err = errors.Join(err, broken)
		}
	})
	if err == nil {
		_, money := l.Money()
		_, stock := l.Stock()
		err = errors.Join(money, stock)
	}
	if err != nil {
		return []string{err.Error()}
	}
	return nil
}

// sagasEnd: whatever was asked for has come to an end, and nothing is waited for any more.
func (w *sagaWorld) sagasEnd() (out []string) {
	for _, id := range sortedKeys(w.states) {
		p := w.process(id)
		if s := p.Standing(w.states[id]); !s.Ended || len(p.Timers(w.states[id])) > 0 {
			out = append(out, fmt.Sprintf("%s is %s at %s", id, s.Phase, s.Step))
		}
	}
	return out
}

// sentOnce: each command that a history says was sent was sent once, under the ID that derives from its step, and none
// that no history tells of.
func (w *sagaWorld) sentOnce() (out []string) {
	want, got := map[string]int{}, map[string]int{}
	w.history(func(process string, e engine.Event) {
		if r, is := e.Body.(saga.StepRequested); is {
			want[es.Attempt{Step: r.Step, Leg: r.Leg, Undo: r.Undo, Number: r.Attempt}.CommandID(process)]++
		}
	})
	w.each(func(context string, log *sagaLog) {
		for _, r := range log.dispatch.records {
			cmd, err := w.frames.Context(context).DecodeCommand(bytes.Clone(r.value))
			if err != nil {
				out = append(out, err.Error())
				return
			}
			got[cmd.Meta.CommandID]++
		}
	})
	for _, id := range sortedKeys(want) {
		if got[id] != want[id] {
			out = append(out, fmt.Sprintf("%s was sent %d times, and is told of %d times", id, got[id], want[id]))
		}
	}
	for _, id := range sortedKeys(got) {
		if want[id] == 0 {
			out = append(out, fmt.Sprintf("%s was sent, and no history tells of it", id))
		}
	}
	return out
}

// inReverse: nothing is undone before all that is on its way is answered, nor before what was done after it is undone.
func (w *sagaWorld) inReverse() (out []string) {
	type leg struct {
		step int
		leg  int32
	}
	open, done := map[string]map[leg]bool{}, map[string]map[leg]bool{}
	w.history(func(process string, e engine.Event) {
		if open[process] == nil {
			open[process], done[process] = map[leg]bool{}, map[leg]bool{}
		}
		steps := e.Aggregate.(es.Process).Machine().Steps
		place := func(name string) int {
			return slices.IndexFunc(steps, func(s es.MachineStep) bool { return s.Name == name })
		}
		switch b := e.Body.(type) {
		case saga.StepRequested:
			at := leg{place(b.Step), b.Leg}
			if !b.Undo {
				open[process][at] = true
				return
			}
			for other := range open[process] {
				if other.step >= 0 {
					out = append(out, fmt.Sprintf("%s undoes %s while %s is on its way", process, b.Step, steps[other.step].Name))
				}
			}
			for other := range done[process] {
				if other.step > at.step && steps[other.step].Undone {
					out = append(out, fmt.Sprintf("%s undoes %s before %s", process, b.Step, steps[other.step].Name))
				}
			}
		case saga.StepAccepted:
			delete(open[process], leg{place(b.Step), b.Leg})
			done[process][leg{place(b.Step), b.Leg}] = true
		case saga.StepRefused:
			delete(open[process], leg{place(b.Step), b.Leg})
			if !b.Undo {
				delete(done[process], leg{place(b.Step), b.Leg}) // by the event that answers it
			}
		case saga.StepFailed:
			delete(open[process], leg{place(b.Step), b.Leg})
		case saga.StepSucceeded:
			delete(open[process], leg{place(b.Step), b.Leg})
			if done[process][leg{place(b.Step), b.Leg}] = true; b.Undo {
				delete(done[process], leg{place(b.Step), b.Leg})
			}
		}
	})
	slices.Sort(out)
	return out
}

// history yields every event of every process, each with the process's full ID.
func (w *sagaWorld) history(yield func(process string, e engine.Event)) {
	w.each(func(context string, log *sagaLog) {
		for _, r := range log.processes.records {
			e, err := w.frames.Processes(context).DecodeEvent(bytes.Clone(r.value))
			if err != nil {
				w.fail(err)
				return
			}
			yield(full(context, e), e)
		}
	})
}

// each yields every log there is, and whose it is.
func (w *sagaWorld) each(yield func(context string, log *sagaLog)) {
	for _, c := range w.contexts {
		for _, log := range w.logs[c.Name] {
			yield(c.Name, log)
		}
	}
}
