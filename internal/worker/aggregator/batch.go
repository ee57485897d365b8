package aggregator

import (
	"context"
	"fmt"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
)

// batch is one poll: what was read of each partition, and what follows from it.
type batch struct {
	tx       *kafka.Tx
	parts    []*part
	commands int
	oldest   time.Time
}

// part is one partition's share of a batch.
type part struct {
	owned  *owned
	inputs []engine.Input
	fx     *engine.Effects
	// headers are the inputs', one behind the other.
	headers []engine.Header
	trails  []trail // of the inputs that somebody follows, in their order
	// events and refusals as they were sent; the client writes their offsets into them.
	events, refusals []*kafka.Record
	memory           memory // the partition's, for the time being
}

// newPart begins a partition's share, in the memory of its last.
func newPart(o *owned) *part {
	return &part{owned: o, inputs: o.memory.inputs[:0], headers: o.memory.headers[:0]}
}

func (m *member) newBatch(ctx context.Context, fetched []kafka.Fetched, began time.Time) (*batch, error) {
	b := &batch{}
	byNumber := map[int32]*part{}
	for _, f := range fetched {
		o := m.owned[f.Partition]
		if o == nil {
			return nil, fmt.Errorf("read from %s/%d, which was not taken over", f.Topic, f.Partition)
		}
		p := byNumber[f.Partition]
		if p == nil {
			p = newPart(o)
			byNumber[f.Partition] = p
			b.parts = append(b.parts, p)
		}
		channel := engine.Commands
		if f.Topic == m.w.topics.inputs[engine.Dispatch] {
			channel = engine.Dispatch
		}
		for _, r := range f.Records {
			if err := m.w.learn(ctx, r.Value); err != nil {
				return nil, err
			}
			p.take(channel, r, m.cfg.Tracer, began)
		}
		if first := f.Records[0].Timestamp; b.oldest.IsZero() || first.Before(b.oldest) {
			b.oldest = first
		}
		b.commands += len(f.Records)
	}
	return b, nil
}

// take adds a record to what the part decides on.
func (p *part) take(channel engine.Channel, r *kafka.Record, tracer Tracer, began time.Time) {
	in := engine.Input{Channel: channel, Offset: r.Offset, Key: r.Key, Value: r.Value, Headers: p.headersIn(r.Headers)}
	if tracer != nil {
		p.follow(tracer, r, &in, began)
	}
	p.inputs = append(p.inputs, in)
}

// memory is what a partition's share of a transaction is put together in. It is used again by the next one if this one
// is known to be committed: else the client may still have what is in it.
type memory struct {
	inputs  []engine.Input
	headers []engine.Header
	records []kafka.Record
	out     []*kafka.Record
}

// write gives the part's records to the transaction. now is what they are stamped with, Unix milliseconds.
func (p *part) write(tx *kafka.Tx, context string, t topics, now int64) {
	fx := p.fx
	m := p.owned.memory
	p.owned.memory = memory{}
	n := len(fx.Events) + len(fx.Refusals) + len(fx.Inbox) + len(fx.Dispatch) + len(fx.Snapshots) + len(fx.DeadLetters)
	if cap(m.records) < n { // never grown, so that pointers into it stay good
		m.records, m.out = make([]kafka.Record, 0, n), make([]*kafka.Record, 0, n)
	}
	m.inputs, m.headers, m.records, m.out = p.inputs, p.headers, m.records[:0], m.out[:0]
	stamp := time.UnixMilli(now)
	add := func(topic func(*engine.Record) string, records []engine.Record) []*kafka.Record {
		first := len(m.out)
		for i := range records {
			r := &records[i]
			m.records = append(m.records, kafka.Record{Topic: topic(r), Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: headersOut(r.Headers), Timestamp: stamp})
			m.out = append(m.out, &m.records[len(m.records)-1])
		}
		return m.out[first:]
	}
	p.events = add(always(t.events), fx.Events)
	p.refusals = add(always(t.refusals), fx.Refusals)
	add(in(context, kafka.InboxSuffix), fx.Inbox)
	add(in(context, kafka.DispatchSuffix), fx.Dispatch)
	add(always(t.snapshots), fx.Snapshots)
	add(always(t.deadLetter), fx.DeadLetters)
	p.memory = m
	tx.Write(m.out)
}

// in is the topic of a context: of the record's, or of the partition's own where it names none.
func in(context, suffix string) func(*engine.Record) string {
	own := context + suffix
	return func(r *engine.Record) string {
		if r.Context == "" || r.Context == context {
			return own
		}
		return r.Context + suffix
	}
}

func always(topic string) func(*engine.Record) string {
	return func(*engine.Record) string { return topic }
}

// committed takes over what is now known to be in the log.
func (p *part) committed() error {
	p.owned.p.Commit(p.fx, after(p.events), after(p.refusals))
	p.owned.memory = p.memory
	if err := p.owned.keep(p.fx.Writes, p.fx.Deletes); err != nil { // of a checkpoint: a step has none
		return fmt.Errorf("partition %d: %w", p.owned.number, err)
	}
	return nil
}

// after is the offset that follows the last of records, 0 where there is none.
func after(records []*kafka.Record) int64 {
	if len(records) == 0 {
		return 0
	}
	return records[len(records)-1].Offset + 1
}

func (b *batch) describe(decide, commit time.Duration) Batch {
	d := Batch{Commands: b.commands, Decide: decide, Commit: commit, Oldest: b.oldest, Counts: engine.Counts{Refused: map[string]int{}}}
	progress := 0
	for _, p := range b.parts {
		progress += len(p.fx.Progress)
	}
	d.Progress = make([]engine.Progress, 0, progress)
	for _, p := range b.parts {
		d.Counts.Add(p.fx.Counts)
		d.Progress = append(d.Progress, p.fx.Progress...)
	}
	return d
}

// headersIn puts a record's headers behind those of the records before. Where the memory has to grow, these stay good
// where they are.
func (p *part) headersIn(in []kafka.Header) []engine.Header {
	if len(in) == 0 {
		return nil
	}
	first := len(p.headers)
	for _, h := range in {
		p.headers = append(p.headers, engine.Header{Key: h.Key, Value: h.Value})
	}
	return p.headers[first:len(p.headers):len(p.headers)]
}

func headersOut(in []engine.Header) []kafka.Header {
	if len(in) == 0 {
		return nil
	}
	out := make([]kafka.Header, len(in))
	for i, h := range in {
		out[i] = kafka.Header{Key: h.Key, Value: h.Value}
	}
	return out
}
