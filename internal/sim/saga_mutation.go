package sim

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"recount/domain/bank/account"
	"recount/domain/shop/accountrefund"
	"recount/domain/shop/fulfilment"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// Mutations of sagas.
const (
	dispatchOnReplay mutation = "a fold sends what its history says was sent"
	randomIDs        mutation = "a saga makes its commands' IDs up"
	undoneAtOnce     mutation = "what was done is undone all at once, the first first"
	neverUndone      mutation = "what takes something back is not sent, and taken for done"
	timerLost        mutation = "a timer that is due is told to nobody"
	givesMore        mutation = "a refund puts more into its account than the payment gave"
	givesNothing     mutation = "a refund is told complete, and puts nothing into its account"
)

// bentProcesses are a context's sagas, making a mutation's mistake.
func (m mutation) bentProcesses(all []es.Process) []es.Process {
	if !slices.Contains([]mutation{undoneAtOnce, neverUndone, givesMore, givesNothing}, m) {
		return all
	}
	out := slices.Clone(all)
	for i := range out {
		out[i] = bentProcess{out[i], m}
	}
	return out
}

type bentProcess struct {
	es.Process
	mutation mutation
}

func (p bentProcess) Decide(state, input any, dst []any) ([]any, error) {
	before := len(dst)
	events, err := p.Process.Decide(state, input, dst)
	s, is := state.(saga.Instance[fulfilment.Plan])
	if err != nil || !is {
		return events, err
	}
	for _, e := range events[before:] {
		state = p.Evolve(state, e)
	}
	in, after := input.(es.Input), state.(saga.Instance[fulfilment.Plan])
	switch {
	case p.mutation == undoneAtOnce && s.Phase != after.Phase && after.Phase == saga.Compensating:
		for _, l := range after.Legs {
			if p.undoes(l) && (l.State == saga.LegDone || l.State == saga.LegAccepted) {
				events = append(events, saga.StepRequested{
					Step: l.Step, Leg: l.Index, Undo: true, Attempt: 1, At: in.At, ValidAt: l.ValidAt, Target: l.Target,
				})
			}
		}
	case p.mutation == neverUndone:
		for _, l := range after.Legs {
			if l.State == saga.LegUndoSent {
				events = append(events, saga.StepSucceeded{Step: l.Step, Leg: l.Index, Undo: true})
			}
		}
	}
	return events, nil
}

func (p bentProcess) undoes(l saga.Leg) bool {
	return l.Index >= 0 && slices.ContainsFunc(p.Machine().Steps, func(s es.MachineStep) bool { return s.Name == l.Step && s.Undone })
}

// Dispatch leaves out what takes something back, or has a refund's deposit be too much, or something that changes nothing.
func (p bentProcess) Dispatch(process string, state, event any) []es.Request {
	if e, is := event.(saga.StepRequested); is && e.Undo && p.mutation == neverUndone {
		return nil
	}
	out := p.Process.Dispatch(process, state, event)
	for i := range out {
		d, is := out[i].Body.(account.Deposit)
		switch {
		case !is || d.Channel != accountrefund.Channel:
		case p.mutation == givesMore:
			d.Amount++
			out[i].Body = d
		case p.mutation == givesNothing:
			out[i].Body = account.Release{HoldID: "nobody's"}
		}
	}
	return out
}

// bentOutbox encodes what processes send, making a mutation's mistake.
func (m mutation) bentOutbox(o engine.Outbox, rng *rand.Rand) engine.Outbox {
	if m != randomIDs {
		return o
	}
	return bentOutbox{o, rng}
}

type bentOutbox struct {
	engine.Outbox
	rng *rand.Rand
}

func (o bentOutbox) AppendCommand(dst []byte, meta *es.CommandMeta, c *es.Command) ([]byte, error) {
	bent := *meta
	bent.CommandID = fmt.Sprint(o.rng.Uint64())
	return o.Outbox.AppendCommand(dst, &bent, c)
}

// replayed sends again what the events of a fold say was sent.
func (w *sagaWorld) replayed(d *desk, events []engine.Stored) error {
	codec := w.frames.Processes(d.context.Name)
	for _, r := range events {
		e, err := codec.DecodeEvent(bytes.Clone(r.Value))
		if err != nil {
			return err
		}
		id := full(d.context.Name, e)
		for _, request := range w.process(id).Dispatch(id, w.states[id], e.Body) {
			meta := es.CommandMeta{CommandID: request.CommandID, AggregateID: request.Command.ID, ProcessID: id, ValidAt: &request.ValidAt}
			request.Context = cmp.Or(request.Context, d.context.Name)
			value, err := codec.AppendCommand(nil, &meta, &request.Command)
			if err != nil {
				return err
			}
			w.logs[request.Context][homeOf(request.Command.ID)].dispatch.append(engine.Record{Key: []byte(request.Command.ID), Value: value})
		}
	}
	return nil
}
