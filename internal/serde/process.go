package serde

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
)

// ProcessCodec is a codec bound to the processes of one context. It implements engine.Codec, with what processes wait
// for in the place of commands, and engine.Outbox.
type ProcessCodec struct {
	contextCodec
	aggregates []es.AggregateType
}

// Processes returns the codec of one context's processes, for the engine. It panics if no context is called name.
func (c *Codec) Processes(name string) *ProcessCodec {
	p := &ProcessCodec{contextCodec: *c.context(name)}
	p.own = p.ofProcesses
	for _, process := range p.types.processes {
		p.aggregates = append(p.aggregates, process)
	}
	return p
}

// Aggregates returns the processes of this context.
func (c *ProcessCodec) Aggregates() []es.AggregateType { return c.aggregates }

// Kinds of inputs, the last part of their wire names: "bank.money_transfer.answer". Stable: they stand in refusals.
const (
	inputEvent  = ".event"
	inputAnswer = ".answer"
	inputTimer  = ".timer"
	inputOrder  = ".order"
)

// DecodeCommand reads an input: a record of the context's events or of its inbox. An event that no process waits for is
// engine.ErrNotConcerned, one that can't be read engine.ErrUnreadableEvent.
func (c *ProcessCodec) DecodeCommand(value []byte) (engine.Command, error) {
	v, _, err := c.open(value)
	if err != nil {
		return engine.Command{}, err
	}
	switch {
	case v.record == nil:
		return engine.Command{}, fmt.Errorf("%w of a process: %w", engine.ErrUnknownCommand, v.unreadable)
	case v.record.kind == event && v.record.context == c.types.name:
		return c.decodeHappened(v, value)
	case v.record.kind == outcome:
		return c.decodeAnswer(value)
	case v.record.kind == signal:
		return c.decodeSignal(v, value)
	}
	return engine.Command{}, fmt.Errorf("%w of a process: %s", engine.ErrUnknownCommand, v.name())
}

func (c *ProcessCodec) decodeHappened(v *version, value []byte) (engine.Command, error) {
	p := c.types.concerned[v.record.aggregate.Name()+"."+v.record.wire]
	if p == nil || v.record.history {
		return engine.Command{}, engine.ErrNotConcerned
	}
	e, err := c.DecodeEvent(value)
	if err != nil {
		return engine.Command{}, fmt.Errorf("%w: %w", engine.ErrUnreadableEvent, err)
	}
	m := &e.Meta
	id, validAt := m.EventID.String(), m.ValidAt
	cmd := c.input(p, m.AggregateID, inputEvent, es.Happened{Aggregate: e.Aggregate.Name(), Type: e.Type, Event: e.Body})
	cmd.Meta.CommandID, cmd.Meta.CausationID = id, id
	cmd.Meta.CorrelationID, cmd.Meta.Actor, cmd.Meta.ValidAt = m.CorrelationID, m.Actor, &validAt
	return cmd, nil
}

func (c *ProcessCodec) decodeAnswer(value []byte) (engine.Command, error) {
	a, err := c.DecodeOutcome(value)
	if err != nil {
		return engine.Command{}, err
	}
	p, id, err := c.addressed(a.Meta.ProcessID)
	if err != nil {
		return engine.Command{}, err
	}
	meta := &a.Meta
	// A failed command is sent again under the same ID, and may fail again. What caused it differs each time.
	own := string(a.Outcome) + "/" + meta.CommandID + "/" + meta.CausationID
	answered := own[len(a.Outcome)+1:][:len(meta.CommandID)] // a body's strings are no part of the record
	cmd := c.input(p, id, inputAnswer, es.Answered{CommandID: answered, Outcome: a.Outcome, Code: a.Code, Detail: a.Detail})
	cmd.Meta.CorrelationID, cmd.Meta.CausationID, cmd.Meta.Actor, cmd.Meta.ValidAt = meta.CorrelationID, meta.CommandID, meta.Actor, meta.ValidAt
	cmd.Meta.CommandID = own
	return cmd, nil
}

// signalData is what follows the meta of a signal.
type signalData struct {
	Signal string `avro:"signal"`
	Timer  string `avro:"timer"`
	Due    int64  `avro:"due"`
	Reason string `avro:"reason"`
}

const signalTimer = "timer"

func (c *ProcessCodec) decodeSignal(v *version, value []byte) (engine.Command, error) {
	var meta es.CommandMeta
	var d signalData
	data, err := v.commandMeta(value[HeaderBytes:], &meta)
	if err == nil {
		err = decodeAll(v, data, &d)
	}
	if err != nil {
		return engine.Command{}, fmt.Errorf("%s: %w", v.name(), err)
	}
	p, id, err := c.addressed(meta.ProcessID)
	if err != nil {
		return engine.Command{}, err
	}
	kind, what := inputOrder, es.Occurrence(es.Ordered{Order: es.Order(d.Signal), Actor: meta.Actor, Reason: d.Reason})
	if d.Signal == signalTimer {
		kind, what = inputTimer, es.Elapsed{Timer: es.Timer{Name: d.Timer, Due: d.Due}}
	}
	cmd := c.input(p, id, kind, what)
	process := cmd.Meta.ProcessID
	cmd.Meta = meta
	cmd.Meta.AggregateID, cmd.Meta.ProcessID, cmd.Meta.ReplyTo = id, process, ""
	return cmd, nil
}

// input begins the command that the engine takes an input for. No command ID of a process is ever used twice for
// different inputs, so all have the same hash.
func (c *ProcessCodec) input(p es.Process, id, kind string, what es.Occurrence) engine.Command {
	full := c.types.name + "/" + p.Name() + "/" + id
	return engine.Command{
		HasMeta: true, Meta: es.CommandMeta{AggregateID: id}, Aggregate: p, Type: c.types.name + "." + p.Name() + kind,
		Body: es.Input{Process: full, What: what},
	}
}

// addressed returns the process that "<ctx>/<saga>/<id>" names, and its bare ID.
func (c *ProcessCodec) addressed(process string) (es.Process, string, error) {
	context, rest, _ := strings.Cut(process, "/")
	name, id, ok := strings.Cut(rest, "/")
	if ok && context == c.types.name {
		for _, p := range c.types.processes {
			if p.Name() == name {
				return p, id, nil
			}
		}
	}
	return nil, "", fmt.Errorf("%w: no process %q is declared", engine.ErrUnknownCommand, shorten(process))
}

var errSharedType = errors.New("no command, or more than one, of the aggregate is declared with this type")

// AppendCommand appends the frame of a command that a process sends.
func (c *ProcessCodec) AppendCommand(dst []byte, meta *es.CommandMeta, cmd *es.Command) ([]byte, error) {
	to := c.contexts[cmd.Context]
	if to == nil {
		return dst, fmt.Errorf("no context is called %q", cmd.Context)
	}
	types := to.types.types[cmd.Aggregate]
	if types == nil {
		return dst, fmt.Errorf("no aggregate is called %s.%s", cmd.Context, cmd.Aggregate)
	}
	r := types.commands[reflect.TypeOf(cmd.Body)]
	if r == nil {
		return dst, fmt.Errorf("%T to %s.%s: %w", cmd.Body, cmd.Context, cmd.Aggregate, errSharedType)
	}
	v := r.newest()
	out := appendCommandMeta(appendHeader(dst, to.dispatched[r.wire]), meta)
	out, err := r.data.append(out, v.data, cmd.Body)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", r.wire, err)
	}
	return out, nil
}

// AppendTick appends the frame of a timer that is due.
func (c *ProcessCodec) AppendTick(dst []byte, meta *es.CommandMeta, t es.Timer) ([]byte, error) {
	return c.appendSignal(dst, meta, signalData{Signal: signalTimer, Timer: t.Name, Due: t.Due})
}

// AppendOrder appends the frame of an operator's order.
func (c *ProcessCodec) AppendOrder(dst []byte, meta *es.CommandMeta, o es.Order, reason string) ([]byte, error) {
	return c.appendSignal(dst, meta, signalData{Signal: string(o), Reason: reason})
}

func (c *ProcessCodec) appendSignal(dst []byte, meta *es.CommandMeta, d signalData) ([]byte, error) {
	v := c.catalog.signal.newest()
	out := appendCommandMeta(appendHeader(dst, c.signalID), meta)
	out, err := v.data.AppendEncode(out, &d)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", signalName, err)
	}
	return out, nil
}
