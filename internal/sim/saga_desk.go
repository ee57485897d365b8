package sim

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recount/domain/shop/payment"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

// desk is where one partition's aggregates, or its processes, are decided: by whoever owns them at the moment.
type desk struct {
	context   es.Context
	partition int32
	log       *sagaLog
	processes bool
	inputs    [2]*topicLog
	events    *topicLog
	refusals  *topicLog
	committed [2]int64 // the group's offsets

	disks [2]statestore.Store // of two machines that may own it
	at    int                 // which of them does
	p     *engine.Partition   // nil: nobody does
	skew  int64               // of its owner's clock
}

func newDesk(c es.Context, n int32, log *sagaLog, processes bool) *desk {
	d := &desk{
		context: c, partition: n, log: log, processes: processes, disks: [2]statestore.Store{statestore.NewMemStore(), statestore.NewMemStore()},
		inputs: [2]*topicLog{&log.commands, &log.dispatch}, events: &log.events, refusals: &log.refusals,
	}
	if processes {
		d.inputs = [2]*topicLog{&log.inbox, &log.events}
		d.events, d.refusals = &log.processes, &log.processRefusals
	}
	return d
}

func (d *desk) name() string {
	return fmt.Sprintf("%s of %s, partition %d,", either(d.processes, "the processes", "the aggregates"), d.context.Name, d.partition)
}

func (w *sagaWorld) config(d *desk) engine.Config {
	cfg := engine.Config{
		Context: d.context.Name, Partition: d.partition, Partitions: sagaPartitions, EventsID: es.ID{3}, SnapshotsID: es.ID{4},
		Topics:      [2]engine.Topic{{Name: "commands", ID: es.ID{1}}, {Name: "dispatch", ID: es.ID{2}}},
		DedupMillis: 1 << 40, DedupEntries: 1 << 20, CacheBytes: 1, RecordBytesMax: engine.RecordBytesMaxDefault,
	}
	if d.processes {
		codec := w.frames.Processes(d.context.Name)
		cfg.Topics = [2]engine.Topic{{Name: "inbox", ID: es.ID{5}}, {Name: "events", ID: es.ID{6}}}
		cfg.Codec, cfg.Outbox, cfg.EventsID = codec, w.mutation.bentOutbox(codec, w.rng), es.ID{7}
		return cfg
	}
	cfg.Codec = stumbling{w.frames.Context(d.context.Name), w}
	return cfg
}

// stumbling is a codec that can't make anything of a command of a saga now and then: it fails, and is to be sent again.
type stumbling struct {
	engine.Codec
	w *sagaWorld
}

func (s stumbling) DecodeCommand(value []byte) (engine.Command, error) {
	cmd, err := s.Codec.DecodeCommand(value)
	if err == nil && cmd.Meta.ProcessID != "" && !s.w.settling && s.w.rng.IntN(30) == 0 {
		s.w.counts.stumbles++
		return cmd, errors.New("it is not my day")
	}
	return cmd, err
}

// takeOver has a machine own a desk: what its disk does not reflect is folded, and nothing of it is sent.
func (w *sagaWorld) takeOver(d *desk) {
	w.counts.takeovers++
	if d.at = w.rng.IntN(len(d.disks)); w.rng.IntN(6) == 0 {
		d.disks[d.at] = statestore.NewMemStore()
	}
	w.trace.add("%d a machine takes %s over", w.millis, d.name())
	p, err := engine.Open(w.config(d), d.disks[d.at])
	if err != nil {
		w.fail(err)
		return
	}
	events, refusals := p.Position()
	missed := between(d.events.records, events, d.events.end)
	err = p.FoldEvents(missed, d.events.end)
	if err == nil {
		err = p.FoldRefusals(between(d.refusals.records, refusals, d.refusals.end), d.refusals.end)
	}
	if err != nil {
		w.fail(fmt.Errorf("taking %s over: %w", d.name(), err))
		return
	}
	if d.processes && w.mutation == dispatchOnReplay {
		w.check(w.replayed(d, missed))
	}
	for c, committed := range d.committed {
		p.Start(engine.Channel(c), committed)
	}
	if w.rng.IntN(4) == 0 {
		w.millis += w.rng.Int64N(sagaJump) // the takeover takes its time
	}
	d.p = p
}

// crash ends the owner of a desk, with everything that its disk does not have.
func (w *sagaWorld) crash(d *desk) {
	if d.p != nil {
		w.trace.add("%d %s lose their owner", w.millis, d.name())
		d.p = nil
	}
}

// flush has a desk's disk reflect what its owner knows.
func (d *desk) flush() error {
	if d.p == nil {
		return nil
	}
	writes, deletes, err := d.p.Flush()
	if err != nil {
		return err
	}
	var b statestore.Batch
	for _, x := range writes {
		b.Set(x.Key, x.Value)
	}
	for _, key := range deletes {
		b.Delete(key)
	}
	return d.disks[d.at].Apply(&b)
}

// act decides what waits at a desk, and says whether there was anything.
func (w *sagaWorld) act(d *desk) bool {
	batch := w.poll(d)
	if d.p == nil {
		if len(batch) == 0 && !d.processes {
			return false
		}
		w.takeOver(d)
	}
	if w.err != nil || d.p == nil {
		return false
	}
	now := w.millis + d.skew
	due, waits := d.p.NextTimer()
	if len(batch) == 0 && !(waits && due <= now) {
		return false
	}
	fx, err := d.p.Step(now, batch)
	if errors.Is(err, engine.ErrClockBehind) {
		d.p, d.skew = nil, 0
		return w.settling
	}
	if err != nil {
		w.fail(err)
		return false
	}
	w.end(d, fx)
	return true
}

// end ends a transaction well, badly, or so that its owner does not hear of it.
func (w *sagaWorld) end(d *desk, fx *engine.Effects) {
	switch n := w.rng.IntN(100); {
	case n < 88 || w.settling:
		w.append(d, fx)
		d.p.Commit(fx, d.events.end, d.refusals.end)
	case n < 94:
		w.counts.unheard++
		w.append(d, fx)
		w.crash(d)
	default: // aborted: its records take their offsets, and nobody sees them
		d.events.end += length(fx.Events)
		w.crash(d)
	}
}

// poll reads a few of what follows a desk's place; how its two inputs interleave is free.
func (w *sagaWorld) poll(d *desk) (batch []engine.Input) {
	var next [2][]record
	for c, in := range d.inputs {
		at, _ := slices.BinarySearchFunc(in.records, d.committed[c], func(r record, offset int64) int { return cmp.Compare(r.offset, offset) })
		next[c] = in.records[at:]
	}
	for n := 1 + w.rng.IntN(pureBatchMax); n > 0 && len(next[0])+len(next[1]) > 0; n-- {
		c := w.rng.IntN(2)
		if len(next[c]) == 0 {
			c = 1 - c
		}
		r := next[c][0]
		next[c] = next[c][1:]
		batch = append(batch, engine.Input{Channel: engine.Channel(c), Offset: r.offset, Key: r.key, Value: r.value})
	}
	return batch
}

// append ends a transaction so that it counts.
func (w *sagaWorld) append(d *desk, fx *engine.Effects) {
	for _, r := range fx.Events {
		d.events.append(r)
		w.hear(d, r.Value)
	}
	for _, r := range fx.Refusals {
		d.refusals.append(r)
	}
	for _, r := range fx.Inbox {
		if !d.processes || w.mutation != timerLost { // what processes put there are their timers
			w.home(d, r).inbox.append(r)
		}
	}
	for _, r := range fx.Dispatch {
		w.home(d, r).dispatch.append(r)
	}
	w.counts.ticks += fx.Counts.Ticks
	if len(fx.Events) > 0 {
		d.events.end++ // the marker
	}
	for c, next := range fx.Next {
		d.committed[c] = max(d.committed[c], next)
	}
}

// home is where a record belongs that a desk has sent: to its own context unless it says another.
func (w *sagaWorld) home(d *desk, r engine.Record) *sagaLog {
	return w.logs[cmp.Or(r.Context, d.context.Name)][r.Partition]
}

// hear takes note of an event: people answer to those of aggregates, and those of processes say where they stand.
func (w *sagaWorld) hear(d *desk, value []byte) {
	if !d.processes {
		e, err := w.frames.Context(d.context.Name).DecodeEvent(bytes.Clone(value))
		if err != nil {
			w.fail(err)
			return
		}
		w.trace.add("%d %s, version %d: %s %+v, asked for by %s", w.millis, full(d.context.Name, e), e.Meta.Version, e.Type, e.Body, e.Meta.Actor)
		r := es.Recorded{Context: d.context.Name, Aggregate: e.Aggregate.Name(), Type: e.Type, Event: e.Body, Meta: e.Meta}
		lines := w.workload.Answer(r)
		switch e := e.Body.(type) {
		case payment.PaymentRequested:
			if w.rng.IntN(8) == 0 {
				return // whoever moves the money is silent for ever
			}
		case payment.PaymentRefunded:
			w.counts.refund(e)
		case payment.RefundReversed:
			w.counts.reversed++
		}
		w.waiting = append(w.waiting, lines...)
		return
	}
	e, err := w.frames.Processes(d.context.Name).DecodeEvent(bytes.Clone(value))
	if err != nil {
		w.fail(err)
		return
	}
	id := full(d.context.Name, e)
	before, known := w.states[id]
	if !known {
		before = e.Aggregate.Zero()
	}
	w.states[id] = e.Aggregate.Evolve(before, e.Body)
}

// full is the full ID of the aggregate or the process that an event is of.
func full(context string, e engine.Event) string {
	return context + "/" + e.Aggregate.Name() + "/" + e.Meta.AggregateID
}

// process returns the saga of the instance "<context>/<saga>/<id>".
func (w *sagaWorld) process(id string) es.Process {
	context, name, _ := parts(id)
	for _, c := range w.contexts {
		if p, ok := c.Process(name); ok && c.Name == context {
			return p
		}
	}
	panic("sim: there is no saga of the instance " + id)
}

// parts are the context, the saga and the bare ID of an instance.
func parts(id string) (context, name, bare string) {
	context, rest, _ := strings.Cut(id, "/")
	name, bare, _ = strings.Cut(rest, "/")
	return context, name, bare
}
