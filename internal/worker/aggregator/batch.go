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
	parts    []*part
	commands int
	oldest   time.Time
}

// part is one partition's share of a batch.
type part struct {
	owned  *owned
	inputs []engine.Input
	fx     *engine.Effects
	// events and refusals as they were sent; the client writes their offsets into them.
	events, refusals []*kafka.Record
}

func (m *member) newBatch(ctx context.Context, fetched []kafka.Fetched) (*batch, error) {
	b := &batch{}
	byNumber := map[int32]*part{}
	for _, f := range fetched {
		o := m.owned[f.Partition]
		if o == nil {
			return nil, fmt.Errorf("read from %s/%d, which was not taken over", f.Topic, f.Partition)
		}
		p := byNumber[f.Partition]
		if p == nil {
			p = &part{owned: o}
			byNumber[f.Partition] = p
			b.parts = append(b.parts, p)
		}
		channel := engine.Commands
		if f.Topic == m.w.topics.dispatch {
			channel = engine.Dispatch
		}
		for _, r := range f.Records {
			if err := m.w.learn(ctx, r.Value); err != nil {
				return nil, err
			}
			p.inputs = append(p.inputs, engine.Input{Channel: channel, Offset: r.Offset, Key: r.Key, Value: r.Value, Headers: headersIn(r.Headers)})
			if b.oldest.IsZero() || r.Timestamp.Before(b.oldest) {
				b.oldest = r.Timestamp
			}
		}
		b.commands += len(f.Records)
	}
	return b, nil
}

// outputs are the batch's records for the transaction.
func (b *batch) outputs(t topics) []*kafka.Record {
	n := 0
	for _, p := range b.parts {
		n += len(p.fx.Events) + len(p.fx.Refusals) + len(p.fx.Inbox) + len(p.fx.Dispatch) + len(p.fx.Snapshots) + len(p.fx.DeadLetters)
	}
	slab := make([]kafka.Record, 0, n) // one allocation; never grown, so that pointers into it stay good
	out := make([]*kafka.Record, 0, n)
	add := func(topic func(engine.Record) string, records []engine.Record) []*kafka.Record {
		first := len(out)
		for _, r := range records {
			slab = append(slab, kafka.Record{Topic: topic(r), Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: headersOut(r.Headers)})
			out = append(out, &slab[len(slab)-1])
		}
		return out[first:]
	}
	for _, p := range b.parts {
		p.events = add(always(t.events), p.fx.Events)
		p.refusals = add(always(t.refusals), p.fx.Refusals)
		add(func(r engine.Record) string { return r.Context + kafka.InboxSuffix }, p.fx.Inbox)
		add(always(t.dispatch), p.fx.Dispatch)
		add(always(t.snapshots), p.fx.Snapshots)
		add(always(t.deadLetter), p.fx.DeadLetters)
	}
	return out
}

func always(topic string) func(engine.Record) string {
	return func(engine.Record) string { return topic }
}

// committed takes over what is now known to be in the log.
func (p *part) committed() error {
	p.owned.p.Commit(p.fx, after(p.events), after(p.refusals))
	if err := p.owned.keep(p.fx.Writes, p.fx.Deletes); err != nil {
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
	for _, p := range b.parts {
		d.Counts.Add(p.fx.Counts)
	}
	return d
}

func headersIn(in []kafka.Header) []engine.Header {
	if len(in) == 0 {
		return nil
	}
	out := make([]engine.Header, len(in))
	for i, h := range in {
		out[i] = engine.Header{Key: h.Key, Value: h.Value}
	}
	return out
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
