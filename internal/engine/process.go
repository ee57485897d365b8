package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"recount/internal/es"
	"recount/internal/partition"
)

// Outbox encodes what processes send. internal/serde implements it; it does no I/O.
type Outbox interface {
	// AppendCommand appends the frame of c, whose Context is set.
	AppendCommand(dst []byte, meta *es.CommandMeta, c *es.Command) ([]byte, error)
	// AppendTick appends the frame of a timer that is due.
	AppendTick(dst []byte, meta *es.CommandMeta, t es.Timer) ([]byte, error)
}

// Progress is what an instance of a saga has come to in a batch.
type Progress struct {
	Saga string
	es.Progress
}

// ticksMax bounds the timers that one step puts into the inbox.
const ticksMax = 10_000

// stamped is the input that a process decides on: what was decoded, with the times that only the engine knows.
func (d *decision) stamped() es.Input {
	in := d.cmd.Body.(es.Input)
	in.At, in.ValidAt = d.at, d.at
	if d.cmd.Meta.ValidAt != nil {
		in.ValidAt = *d.cmd.Meta.ValidAt
	}
	// A meta's strings are part of the record, and a timer keeps this one: the whole fetch would stay in memory with it.
	in.Correlation = strings.Clone(cmp.Or(d.cmd.Meta.CorrelationID, d.cmd.Meta.CommandID))
	return in
}

// dispatch sends what an event of a process says, in the event's own transaction. A fold never comes here: what a history
// says was sent, was sent.
func (d *decision) dispatch(before, after, event any) error {
	process := d.cell.kind.process
	if p, ok := process.Progress(before, event, d.at); ok {
		d.fx.Progress = append(d.fx.Progress, Progress{d.cell.kind.name, p})
	}
	id := d.cmd.Body.(es.Input).Process
	requests := process.Dispatch(id, after, event)
	for i := range requests {
		r := &requests[i]
		if r.Context == "" {
			r.Context = d.p.cfg.Context
		}
		meta := &d.sent
		*meta = es.CommandMeta{
			CommandID: r.CommandID, AggregateID: r.Command.ID, CorrelationID: d.meta.CorrelationID,
			CausationID: d.meta.EventID.String(), Actor: id, ValidAt: &r.ValidAt, ProcessID: id,
		}
		start := len(d.buf)
		d.buf = append(d.buf, meta.AggregateID...)
		value := len(d.buf)
		buf, err := d.p.cfg.Outbox.AppendCommand(d.buf, meta, &r.Command)
		if err != nil {
			return failure{ReasonUnencodable, fmt.Sprintf("encoding a command to %s %s: %v", r.Aggregate, r.Command.ID, err)}
		}
		if size := len(buf) - value; size > d.p.cfg.RecordBytesMax {
			return failure{ReasonTooLarge, fmt.Sprintf("a command to %s %s takes %d bytes, the limit is %d", r.Aggregate, r.Command.ID, size, d.p.cfg.RecordBytesMax)}
		}
		d.buf = buf
		d.fx.Dispatch = append(d.fx.Dispatch, Record{
			Context: r.Context, Partition: partition.Of(meta.AggregateID, d.p.cfg.Partitions),
			Key: buf[start:value:value], Value: buf[value:len(buf):len(buf)], Headers: d.in.Carried,
		})
	}
	return nil
}

// ticks puts the timers that are due into the inbox: there they are recorded, and come back as inputs. One that its
// process does not wait for any more is forgotten.
func (s *step) ticks() error {
	if s.p.cfg.Outbox == nil {
		return nil
	}
	for _, a := range s.p.agenda.due(s.at, ticksMax) {
		x, err := s.p.load(&s.fx.change, s.p.cache.kinds[a.aggregate], a.id)
		if err != nil {
			return err
		}
		waited := x.kind.process.Timers(s.fx.change.at(x).state)
		i := slices.IndexFunc(waited, func(t es.Timer) bool { return t.Name == a.name && t.Due == a.due })
		s.fx.change.fired = append(s.fx.change.fired, fired{alarm: a, stale: i < 0})
		if i < 0 {
			continue
		}
		if err := s.tick(a, waited[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *step) tick(a alarm, t es.Timer) error {
	cfg := &s.p.cfg
	id := cfg.Context + "/" + a.aggregate + "/" + a.id
	// The same timer has the same ID: one that is due on either side of a takeover is one input.
	meta := es.CommandMeta{
		CommandID: "timer/" + t.Name + "/" + strconv.FormatInt(t.Due, 10), AggregateID: a.id, CorrelationID: t.Correlation, ProcessID: id,
	}
	value, err := cfg.Outbox.AppendTick(nil, &meta, t)
	if err != nil {
		return fmt.Errorf("encoding timer %s of %s: %w", t.Name, id, err)
	}
	s.fx.Counts.Ticks++
	s.fx.Inbox = append(s.fx.Inbox, Record{Context: cfg.Context, Partition: cfg.Partition, Key: []byte(id), Value: value})
	return nil
}

// NextTimer is when the next timer is due, Unix milliseconds; ok is false where none is waited for.
func (p *Partition) NextTimer() (due int64, ok bool) { return p.agenda.next() }

// Waiting is how many timers are waited for.
func (p *Partition) Waiting() int { return len(p.agenda.live) }

// timersOf are what x waits for in a state of its.
func (x *cell) timersOf(state any) []es.Timer {
	if x.kind.process == nil {
		return nil
	}
	return x.kind.process.Timers(state)
}

// reschedule takes over which timers a process waits for, before and after a change.
func (p *Partition) reschedule(x *cell, before, after any) {
	was, is := x.timersOf(before), x.timersOf(after)
	for _, t := range was {
		if !slices.Contains(is, t) {
			p.agenda.remove(alarmOf(x, t))
		}
	}
	for _, t := range is {
		if !slices.Contains(was, t) {
			p.agenda.add(alarmOf(x, t))
		}
	}
}

func alarmOf(x *cell, t es.Timer) alarm {
	return alarm{due: t.Due, aggregate: x.kind.name, id: x.id, name: t.Name}
}

// timers adds what the store needs of a process's timers.
func (w *stateWriter) timers(x *cell) {
	is := x.timersOf(x.entry.state)
	for _, t := range x.stored {
		if !slices.Contains(is, t) {
			w.deletes = append(w.deletes, alarmOf(x, t).stored())
		}
	}
	for _, t := range is {
		if !slices.Contains(x.stored, t) {
			w.writes = append(w.writes, Write{Key: alarmOf(x, t).stored()})
		}
	}
	x.stored = is
}

// loadAgenda reads which timers the store knows of.
func (p *Partition) loadAgenda() error {
	if p.cfg.Outbox == nil {
		return nil
	}
	p.agenda = newAgenda()
	for pair, err := range p.store.Scan([]byte(prefixTimer), []byte{prefixTimer[0], prefixTimer[1] + 1}) {
		if err != nil {
			return fmt.Errorf("reading the timers: %w", err)
		}
		a, err := readAlarm(pair.Key)
		if err != nil {
			return err
		}
		if p.cache.kinds[a.aggregate] != nil {
			p.agenda.add(a)
		}
	}
	return nil
}
