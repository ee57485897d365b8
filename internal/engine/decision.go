package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"

	"recount/internal/es"
)

// decision is one command on its way to an outcome.
type decision struct {
	*step
	in  *Input
	cmd *Command

	id   es.ID // the command's fingerprint
	cell *cell // nil where the command could not be read
}

func (d *decision) decide() (err error) {
	m := &d.cmd.Meta
	k := d.p.kind(d.cmd.Aggregate)
	if d.cell, err = d.p.load(&d.fx.change, k, m.AggregateID); err != nil {
		return err
	}
	if before, ok := d.p.window.find(&d.id); ok {
		d.again(before)
		return nil
	}
	if want, at := m.ExpectedVersion, d.version(); want != nil && *want != at {
		d.refuse(es.VersionConflict, fmt.Sprintf("expected version %d, the %s is at version %d", *want, k.name, at))
		return nil
	}
	d.run()
	return nil
}

// version is the aggregate's, as the batch has left it so far; 0 for a body that could not be read, and was not taken
// as far as its aggregate.
func (d *decision) version() int64 {
	if d.cell == nil {
		return 0
	}
	return d.fx.change.at(d.cell).version
}

// again answers a repeated command with its recorded outcome.
func (d *decision) again(before outcome) {
	if before.hash != d.cmd.Hash {
		d.answer(d.rejection(es.Refused, string(es.CommandIDReused), "this command ID was used before, for a command with another body"))
		return
	}
	d.fx.Counts.Duplicates++
	if d.awaited() {
		d.tell(&Answer{
			Meta: d.cmd.Meta, Command: d.cmd.Type, Outcome: before.kind, Code: before.code,
			Version: before.version, Duplicate: true,
		})
	}
}

// run lets the aggregate decide, and takes over what it made.
func (d *decision) run() {
	begun := d.begun()
	made, err := d.attempt()
	var no es.Refusal
	var broken failure
	switch {
	case errors.As(err, &broken):
		d.undo(begun)
		d.fail(broken.reason, broken.detail)
	case errors.As(err, &no):
		d.refuse(no, "")
	case made == 0:
		d.remember(es.Unchanged, "")
		d.answer(d.rejection(es.Unchanged, "", ""))
	default:
		d.accept(begun.events, made)
	}
}

// failure is why nothing could be decided: a reason of dead letters, and what happened.
type failure struct{ reason, detail string }

// Error returns what happened.
func (f failure) Error() string { return f.detail }

// attempt has the aggregate decide, adds its events to the effects and evolves next by them. The error is a refusal, or a
// failure: a panic in here is a bug in the domain, and costs this command, not the partition. One outside is a bug of ours,
// and must not be taken for it: by then it may have changed more than undo takes back.
func (d *decision) attempt() (events int, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = failure{ReasonPanic, fmt.Sprintf("%v\n%s", r, debug.Stack())}
		}
	}()
	next := &d.next
	*next = *d.fx.change.at(d.cell)
	body := d.cmd.Body
	if d.cell.kind.process != nil {
		body = d.stamped()
	}
	made, err := d.cmd.Aggregate.Decide(next.state, body, d.made[:0])
	if err != nil {
		var no es.Refusal
		if errors.As(err, &no) {
			return 0, no
		}
		return 0, failure{ReasonPanic, "Decide returned an error that is no refusal: " + err.Error()}
	}
	if len(made) > 0 {
		d.made = made
	}
	for i, event := range made {
		if err := d.event(next, i, event); err != nil {
			return 0, err
		}
	}
	return len(made), nil
}

// accept takes over the events that attempt made, of which the first is at a place among the batch's.
func (d *decision) accept(first, events int) {
	next := &d.next
	if d.version() == 0 {
		d.fx.change.born++
	}
	if every := d.p.cfg.SnapshotEvery; every > 0 && !next.due && next.version-next.snapshot >= every {
		next.due = true
		d.due = append(d.due, d.cell)
	}
	d.fx.change.set(d.cell, next)
	d.fx.Counts.Accepted++
	d.remember(es.Accepted, "")
	if d.awaited() {
		d.tell(&Answer{
			Meta: d.cmd.Meta, Command: d.cmd.Type, Outcome: es.Accepted, Version: next.version,
			FirstEvent: first, Events: events,
		})
	}
}

// begun is how much there was of a batch's effects before a command.
type begun struct{ events, dispatched, progressed, buffered int }

func (d *decision) begun() begun {
	return begun{len(d.fx.Events), len(d.fx.Dispatch), len(d.fx.Progress), len(d.buf)}
}

func (d *decision) undo(to begun) {
	d.fx.Events, d.fx.Dispatch, d.fx.Progress = d.fx.Events[:to.events], d.fx.Dispatch[:to.dispatched], d.fx.Progress[:to.progressed]
	d.buf = d.buf[:to.buffered]
}

// event appends event number index of the command to the effects, and evolves next by it.
func (d *decision) event(next *entry, index int, event any) error {
	next.version++
	meta := &d.meta
	d.fill(meta, index, next.version)
	start := len(d.buf)
	d.buf = append(d.buf, d.cell.kind.name...)
	d.buf = append(append(append(d.buf, '/'), meta.AggregateID...), '/')
	d.buf = strconv.AppendInt(d.buf, next.version, 10)
	value := len(d.buf)
	buf, body, schema, err := d.p.cfg.Codec.AppendEvent(d.buf, d.cmd.Aggregate, meta, event)
	if err != nil {
		return failure{ReasonUnencodable, fmt.Sprintf("encoding %T: %v", event, err)}
	}
	d.buf = buf
	if size := len(buf) - value; size > d.p.cfg.RecordBytesMax {
		return failure{ReasonTooLarge, fmt.Sprintf("%T takes %d bytes, the limit is %d", event, size, d.p.cfg.RecordBytesMax)}
	}
	next.chain = d.linker.Link(next.chain, schema, buf[body:])
	copy(buf[body:], next.chain[:])
	before := next.state
	next.state = d.cmd.Aggregate.Evolve(before, event)
	d.record(&d.fx.Events, start, value, d.in.Carried)
	if d.cell.kind.process != nil {
		return d.dispatch(before, next.state, event)
	}
	return nil
}

// fill makes m the meta of the command's record number index.
func (d *decision) fill(m *es.Meta, index int, version int64) {
	c := &d.cmd.Meta
	*m = es.Meta{
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
}

func (d *decision) source() es.Source {
	t := &d.p.cfg.Topics[d.in.Channel]
	return es.Source{Topic: t.Name, Incarnation: t.ID, Partition: d.p.cfg.Partition, Offset: d.in.Offset}
}

func (d *decision) remember(kind es.Outcome, code string) {
	d.p.window.push(&remembered{id: d.id, at: d.at, what: outcome{hash: d.cmd.Hash, version: d.version(), kind: kind, code: code}})
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
	meta := &d.meta
	d.fill(meta, 0, d.version())
	start := len(d.buf)
	d.buf = append(append(append(d.buf, meta.AggregateID...), '/'), meta.CommandID...)
	value := len(d.buf)
	buf, err := d.p.cfg.Codec.AppendRefusal(d.buf, meta, r)
	if err != nil {
		panic("engine: a refusal can't be encoded: " + err.Error()) // its schema is ours and all of its fields are strings
	}
	d.buf = buf
	d.record(&d.fx.Refusals, start, value, d.in.Carried)
	if d.awaited() {
		d.tell(&Answer{Meta: d.cmd.Meta, Command: r.Command, Outcome: r.Outcome, Code: r.Code, Detail: r.Detail, Version: meta.Version})
	}
}

// awaited says whether anybody is to be told how the command ended.
func (d *decision) awaited() bool {
	return d.cmd.Meta.ReplyTo != "" || d.cmd.Meta.ProcessID != "" || d.in.Carried != nil
}

// tell gives an outcome to whoever waits for it: a caller, a process, who follows the command.
func (d *decision) tell(a *Answer) {
	d.follow(a)
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
	start := len(d.buf)
	d.buf = append(d.buf, a.Meta.ProcessID...)
	value := len(d.buf)
	buf, err := d.p.cfg.Codec.AppendOutcome(d.buf, a)
	if err != nil {
		panic("engine: an outcome can't be encoded: " + err.Error())
	}
	d.buf = buf
	d.fx.Inbox = append(d.fx.Inbox, Record{Context: context, Partition: to, Key: buf[start:value:value], Value: buf[value:len(buf):len(buf)], Headers: d.in.Carried})
}

// follow tells who follows the command how it ended.
func (d *decision) follow(a *Answer) {
	if d.in.Carried == nil {
		return
	}
	f := Followed{Channel: d.in.Channel, Offset: d.in.Offset, Answer: *a}
	if d.cmd.Aggregate != nil {
		f.Aggregate = d.cmd.Aggregate.Name()
	}
	d.fx.Followed = append(d.fx.Followed, f)
}

// fail makes a dead letter of a command whose meta could be read, and leaves a failed outcome, so that nobody waits for ever.
// It is not remembered: sent again after the cause is mended, it is decided.
func (d *decision) fail(reason, detail string) {
	d.deadLetter(reason, detail)
	d.answer(d.rejection(es.Failed, reason, firstLine(detail)))
}

// deadLetter keeps the original bytes with the reason and the origin.
//
// An original can be larger than any record of ours: compressed, brokers take what unpacks to many times their limit. Of
// such a one the place has to do. Were it written, the transaction would fail, and the partition would decide nothing more.
func (d *decision) deadLetter(reason, detail string) {
	d.fx.Counts.Failed++
	d.fx.Counts.deadLetters(reason, 1)
	letter := Record{
		Partition: d.p.cfg.Partition, Key: d.in.Key, Value: d.in.Value,
		Headers: append(append([]Header(nil), d.in.Headers...), d.why(reason, cut(detail, detailBytesMax))...),
	}
	if size := letter.size(); size > d.p.cfg.RecordBytesMax {
		letter.Key, letter.Value = letter.Key[:min(len(letter.Key), idBytesMax)], nil
		letter.Headers = d.why(reason, fmt.Sprintf("its %d bytes do not fit here, and are at its origin for as long as that topic keeps them: %s", size, firstLine(detail)))
	}
	d.fx.DeadLetters = append(d.fx.DeadLetters, letter)
}

// why are the headers that a dead letter has beside its own.
func (d *decision) why(reason, detail string) []Header {
	s := d.source()
	return []Header{
		{HeaderReason, []byte(reason)},
		{HeaderDetail, []byte(detail)},
		{HeaderOrigin, fmt.Appendf(nil, "%s/%d@%d", s.Topic, s.Partition, s.Offset)},
		{HeaderTopicID, []byte(s.Incarnation.String())},
	}
}

const (
	// detailBytesMax bounds what a dead letter says for people, a panic's stack included; lineBytesMax what a line does.
	detailBytesMax = 32 << 10
	lineBytesMax   = 1 << 10
)

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return cut(line, lineBytesMax)
}

// cut is a text as far as so many bytes go.
func cut(s string, bytesMax int) string {
	if len(s) <= bytesMax {
		return s
	}
	return strings.ToValidUTF8(s[:bytesMax], "")
}
