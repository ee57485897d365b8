package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"

	"recount/internal/es"
)

// decision is one command on its way to an outcome.
type decision struct {
	*step
	in  *Input
	cmd *Command

	id    es.ID // the command's fingerprint
	key   aggregateKey
	entry *entry
}

func (d *decision) decide() error {
	m := &d.cmd.Meta
	var err error
	d.key = aggregateKey{d.cmd.Aggregate.Name(), m.AggregateID}
	if d.entry, err = d.p.load(&d.fx.change, d.cmd.Aggregate, d.key); err != nil {
		return err
	}
	if before, ok := d.before(); ok {
		d.again(before)
		return nil
	}
	if want := m.ExpectedVersion; want != nil && *want != d.entry.version {
		d.refuse(es.VersionConflict, fmt.Sprintf("expected version %d, the %s is at version %d", *want, d.cmd.Aggregate.Name(), d.entry.version))
		return nil
	}
	d.run()
	return nil
}

// before finds the outcome of the same command, decided in this batch or within the dedup window.
func (d *decision) before() (outcome, bool) {
	if o, ok := d.seen[d.id]; ok {
		return o, true
	}
	return d.p.window.find(d.id)
}

// again answers a repeated command with its recorded outcome.
func (d *decision) again(before outcome) {
	if before.hash != d.cmd.Hash {
		d.answer(d.rejection(es.Refused, string(es.CommandIDReused), "this command ID was used before, for a command with another body"))
		return
	}
	d.fx.Counts.Duplicates++
	d.tell(&Answer{
		Meta: d.cmd.Meta, Command: d.cmd.Type, Outcome: before.kind, Code: before.code,
		Version: before.version, Duplicate: true,
	})
}

// run lets the aggregate decide. A panic is a bug in the domain: it costs this command, not the partition.
func (d *decision) run() {
	events, buffered := len(d.fx.Events), len(d.buf)
	defer func() {
		if r := recover(); r != nil {
			d.undo(events, buffered)
			d.fail(ReasonPanic, fmt.Sprintf("%v\n%s", r, debug.Stack()))
		}
	}()
	made, err := d.cmd.Aggregate.Decide(d.entry.state, d.cmd.Body)
	var no es.Refusal
	switch {
	case errors.As(err, &no):
		d.refuse(no, "")
		return
	case err != nil:
		d.fail(ReasonPanic, "Decide returned an error that is no refusal: "+err.Error())
		return
	case len(made) == 0:
		d.remember(es.Unchanged, "")
		d.answer(d.rejection(es.Unchanged, "", ""))
		return
	}
	next := *d.entry
	for i, event := range made {
		if err := d.event(&next, i, event); err != nil {
			d.undo(events, buffered)
			d.fail(ReasonTooLarge, err.Error())
			return
		}
	}
	if d.entry.version == 0 {
		d.fx.change.born++
	}
	if every := d.p.cfg.SnapshotEvery; every > 0 && !next.due && next.version-next.snapshot >= every {
		next.due = true
		d.due = append(d.due, d.key)
	}
	d.entry = &next
	d.fx.change.entries[d.key] = d.entry
	d.fx.Counts.Accepted++
	d.remember(es.Accepted, "")
	d.tell(&Answer{
		Meta: d.cmd.Meta, Command: d.cmd.Type, Outcome: es.Accepted, Version: next.version,
		FirstEvent: events, Events: len(made),
	})
}

func (d *decision) undo(events, buffered int) {
	d.fx.Events, d.buf = d.fx.Events[:events], d.buf[:buffered]
}

// event appends event number index of the command to the effects, and evolves next by it.
func (d *decision) event(next *entry, index int, event any) error {
	next.version++
	meta := d.meta(index, next.version)
	start := len(d.buf)
	d.buf = append(d.buf, d.cmd.Aggregate.Name()...)
	d.buf = append(append(append(d.buf, '/'), meta.AggregateID...), '/')
	d.buf = strconv.AppendInt(d.buf, next.version, 10)
	value := len(d.buf)
	buf, body, schema, err := d.p.cfg.Codec.AppendEvent(d.buf, d.cmd.Aggregate, &meta, event)
	if err != nil {
		return fmt.Errorf("encoding %T: %w", event, err)
	}
	d.buf = buf
	if size := len(buf) - value; size > d.p.cfg.RecordBytesMax {
		return fmt.Errorf("%T takes %d bytes, the limit is %d", event, size, d.p.cfg.RecordBytesMax)
	}
	next.chain = Link(next.chain, schema, buf[body:])
	copy(buf[body:], next.chain[:])
	next.state = d.cmd.Aggregate.Evolve(next.state, event)
	d.record(&d.fx.Events, start, value)
	return nil
}

func (d *decision) meta(index int, version int64) es.Meta {
	c := &d.cmd.Meta
	m := es.Meta{
		AggregateID: c.AggregateID, Version: version, CommandID: c.CommandID,
		CorrelationID: c.CorrelationID, CausationID: c.CausationID, Actor: c.Actor,
		EventID: eventID(d.id, index), Source: d.source(), CommandHash: d.cmd.Hash,
		ValidAt: d.at, RecordedAt: d.at,
	}
	if m.CorrelationID == "" {
		m.CorrelationID = c.CommandID
	}
	if m.CausationID == "" { // nothing is known to have caused the command: then the command is the cause
		m.CausationID = c.CommandID
	}
	if c.ValidAt != nil {
		m.ValidAt = *c.ValidAt
	}
	return m
}

func (d *decision) source() es.Source {
	t := &d.p.cfg.Topics[d.in.Channel]
	return es.Source{Topic: t.Name, Incarnation: t.ID, Partition: d.p.cfg.Partition, Offset: d.in.Offset}
}

func (d *decision) remember(kind es.Outcome, code string) {
	o := outcome{hash: d.cmd.Hash, version: d.entry.version, kind: kind, code: code}
	d.seen[d.id] = o
	d.fx.change.remember = append(d.fx.change.remember, remembered{id: d.id, at: d.at, what: o})
}

func (d *decision) refuse(code es.Refusal, detail string) {
	d.remember(es.Refused, string(code))
	d.answer(d.rejection(es.Refused, string(code), detail))
}

func (d *decision) rejection(o es.Outcome, code, detail string) *es.Rejection {
	return &es.Rejection{Command: d.cmd.Type, Outcome: o, Code: code, Detail: detail}
}

// answer records an outcome that left no event, and tells those who wait.
func (d *decision) answer(r *es.Rejection) {
	switch r.Outcome {
	case es.Refused:
		d.fx.Counts.Refused[r.Code]++
	case es.Unchanged:
		d.fx.Counts.Unchanged++
	}
	version := int64(0)
	if d.entry != nil { // a body that can't be read was not taken as far as its aggregate
		version = d.entry.version
	}
	meta := d.meta(0, version)
	start := len(d.buf)
	d.buf = append(append(append(d.buf, meta.AggregateID...), '/'), meta.CommandID...)
	value := len(d.buf)
	buf, err := d.p.cfg.Codec.AppendRefusal(d.buf, &meta, r)
	if err != nil {
		panic("engine: a refusal can't be encoded: " + err.Error()) // its schema is ours and all of its fields are strings
	}
	d.buf = buf
	d.record(&d.fx.Refusals, start, value)
	d.tell(&Answer{Meta: d.cmd.Meta, Command: r.Command, Outcome: r.Outcome, Code: r.Code, Detail: r.Detail, Version: version})
}

// tell gives an outcome to whoever waits for it: a caller, a process.
func (d *decision) tell(a *Answer) {
	if a.Meta.ReplyTo != "" {
		d.fx.Replies = append(d.fx.Replies, *a)
	}
	if a.Meta.ProcessID == "" {
		return
	}
	context, to, ok := d.processPartition(a.Meta.ProcessID)
	if !ok {
		return // no process of ours: nobody to tell
	}
	value, err := d.p.cfg.Codec.AppendOutcome(nil, a)
	if err != nil {
		panic("engine: an outcome can't be encoded: " + err.Error())
	}
	d.fx.Inbox = append(d.fx.Inbox, Record{Context: context, Partition: to, Key: []byte(a.Meta.ProcessID), Value: value})
}

// fail makes a dead letter of a command whose meta could be read, and leaves a failed outcome, so that nobody waits for ever.
// It is not remembered: sent again after the cause is mended, it is decided.
func (d *decision) fail(reason, detail string) {
	d.deadLetter(reason, detail)
	d.answer(d.rejection(es.Failed, reason, firstLine(detail)))
}

// deadLetter keeps the original bytes with the reason and the origin.
func (d *decision) deadLetter(reason, detail string) {
	d.fx.Counts.Failed++
	d.fx.Counts.deadLetters(reason, 1)
	s := d.source()
	headers := append(append([]Header(nil), d.in.Headers...),
		Header{HeaderReason, []byte(reason)},
		Header{HeaderDetail, []byte(detail)},
		Header{HeaderOrigin, fmt.Appendf(nil, "%s/%d@%d", s.Topic, s.Partition, s.Offset)},
		Header{HeaderTopicID, []byte(s.Incarnation.String())})
	d.fx.DeadLetters = append(d.fx.DeadLetters, Record{Partition: d.p.cfg.Partition, Key: d.in.Key, Value: d.in.Value, Headers: headers})
}

func firstLine(s string) string {
	for i := range len(s) {
		if s[i] == '\n' {
			return s[:i]
		}
	}
	return s
}
