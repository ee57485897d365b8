// Package inspect folds the events of one aggregate, straight from the log: what it is, what it was, and what changed.
//
// It reads one partition and writes nothing. Its answers are those of the write side: the state after a version, in the
// order in which events were recorded. What was true in the world at a moment, back-dated entries included, is a
// question for the views.
package inspect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// Request names one aggregate.
type Request struct {
	Kafka   kafka.Config
	Codec   engine.Codec
	Context string
	// Topic holds the events; empty: the context's event topic.
	Topic      string
	Aggregate  es.AggregateType
	ID         string
	Partitions int32
	// Learn is asked about frames whose schema may not be known yet; nil: none.
	Learn func(ctx context.Context, frame []byte) error
	// Progress is told how many records have been read, of how many; nil: nobody is.
	Progress func(read, total int64)
}

// Timeline is an aggregate's whole history.
type Timeline struct {
	Aggregate es.AggregateType
	Steps     []Step
	next      int64 // the first offset of its partition that was not read
}

// Step is one event at its place, and the state after it.
type Step struct {
	engine.Event
	Position string // context/partition@offset
	Frame    []byte
	State    any
}

// Read returns the history of the aggregate, up to the log's last stable offset. An aggregate nobody has written has none.
func Read(ctx context.Context, r Request) (*Timeline, error) {
	return (&Timeline{Aggregate: r.Aggregate}).Extend(ctx, r)
}

// Extend returns the history with what has come since it was read: of the same aggregate, which r must name again. t stays
// what it is. A log that is shorter than what was read was made again, and is read anew. What was read before an error is
// returned with it, and can be extended later; it is nil where nothing could be asked.
func (t *Timeline) Extend(ctx context.Context, r Request) (*Timeline, error) {
	topic := cmp.Or(r.Topic, r.Context+kafka.EventsSuffix)
	p := partition.Of(r.ID, r.Partitions)
	found, err := kafka.Extents(ctx, r.Kafka, topic)
	if err != nil {
		return nil, err
	}
	extent, ok := found[topic][p]
	if !ok || int32(len(found[topic])) != r.Partitions {
		return nil, fmt.Errorf("inspect: topic %s has %d partitions, --partitions says %d", topic, len(found[topic]), r.Partitions)
	}
	out := &Timeline{Aggregate: r.Aggregate, next: extent.Start}
	if extent.Start <= t.next && t.next <= extent.Stable {
		out.Steps, out.next = slices.Clip(t.Steps), max(t.next, extent.Start)
	}
	from := out.next
	prefix := r.Aggregate.Name() + "/" + r.ID + "/"
	span := kafka.Span{Topic: topic, Partition: p, From: from, Until: extent.Stable}
	err = kafka.Replay(ctx, r.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, next int64) error {
		for _, rec := range records {
			if !strings.HasPrefix(string(rec.Key), prefix) {
				continue
			}
			if err := out.add(ctx, r, p, rec); err != nil {
				return err
			}
		}
		out.next = next
		if r.Progress != nil {
			r.Progress(next-from, extent.Stable-from)
		}
		return nil
	})
	return out, err
}

func (t *Timeline) add(ctx context.Context, r Request, p int32, rec *kafka.Record) error {
	at := fmt.Sprintf("%s/%d@%d", r.Context, p, rec.Offset)
	if r.Learn != nil {
		if err := r.Learn(ctx, rec.Value); err != nil {
			return err
		}
	}
	e, err := r.Codec.DecodeEvent(rec.Value)
	if err != nil {
		return fmt.Errorf("inspect: %s: %w", at, err)
	}
	state, version := t.Aggregate.Zero(), int64(0)
	if n := len(t.Steps); n > 0 {
		state, version = t.Steps[n-1].State, t.Steps[n-1].Meta.Version
	}
	switch {
	case e.Aggregate.Name() != t.Aggregate.Name() || e.Meta.AggregateID != r.ID:
		return nil // an ID may contain the prefix's slashes
	case e.Meta.Version <= version:
		return nil // read again: the log may repeat what it has
	case e.Meta.Version > version+1:
		return fmt.Errorf("inspect: %s: %w: version %d follows version %d", at, engine.ErrGap, e.Meta.Version, version)
	}
	t.Steps = append(t.Steps, Step{Event: e, Position: at, Frame: rec.Value, State: t.Aggregate.Evolve(state, e.Body)})
	return nil
}

// Version returns the history up to version n, or an error that says which versions there are.
func (t *Timeline) Version(n int64) (*Timeline, error) {
	if n < 0 || n > int64(len(t.Steps)) {
		return nil, fmt.Errorf("inspect: there is no version %d: the %s has versions 0 to %d", n, t.Aggregate.Name(), len(t.Steps))
	}
	return &Timeline{Aggregate: t.Aggregate, Steps: t.Steps[:n]}, nil
}

// At returns the history as it had been recorded by millis, Unix milliseconds.
func (t *Timeline) At(millis int64) *Timeline {
	n := 0
	for n < len(t.Steps) && t.Steps[n].Meta.RecordedAt <= millis {
		n++
	}
	return &Timeline{Aggregate: t.Aggregate, Steps: t.Steps[:n]}
}

// State is the state after the last step, and its version.
func (t *Timeline) State() (state any, version int64) {
	n := len(t.Steps)
	if n == 0 {
		return t.Aggregate.Zero(), 0
	}
	return t.Steps[n-1].State, t.Steps[n-1].Meta.Version
}

// Change is a field that two states hold differently.
type Change struct {
	Field         string
	Before, After any
}

// Diff returns what changed from version n to version m, and the events between.
func (t *Timeline) Diff(n, m int64) ([]Change, []Step, error) {
	before, err := t.Version(n)
	if err != nil {
		return nil, nil, err
	}
	after, err := t.Version(m)
	if err != nil {
		return nil, nil, err
	}
	if n > m {
		return nil, nil, fmt.Errorf("inspect: --diff %d..%d runs backwards: write %d..%d", n, m, m, n)
	}
	was, _ := before.State()
	is, _ := after.State()
	var changes []Change
	old := Fields(was)
	for i, f := range Fields(is) {
		if f.Value != old[i].Value {
			changes = append(changes, Change{f.Name, old[i].Value, f.Value})
		}
	}
	return changes, t.Steps[n:m], nil
}
