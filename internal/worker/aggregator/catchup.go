package aggregator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/engine"
	"recount/internal/kafka"
)

// target is how far a partition's logs are to be reflected: up to where each is stable.
type target struct{ events, refusals, snapshots kafka.Extent }

// catchUp is one partition on its way to the end of its logs.
type catchUp struct {
	*owned
	lease lease // for when the store must be emptied
	to    target
	read  Restored
	gap   error // why the store does not fit the log

	fromZero bool // snapshots are not looked at
	tally    *tally
	pace     pace
}

// Origin is what a partition's state was made from.
type Origin string

// The origins.
const (
	FromStore     Origin = "store" // and the log's tail
	FromSnapshots Origin = "snapshots"
	FromZero      Origin = "zero"
)

// Restored describes a partition that was caught up with.
type Restored struct {
	Partition int32
	From      Origin
	Snapshots int // loaded
	Records   int // events and refusals folded
	Took      time.Duration
}

// catchUp makes partitions reflect their logs. A store that has something to go on from needs the logs' tails alone;
// the others are filled: from the snapshots, else from the first event.
func (w *Worker) catchUp(ctx context.Context, parts []*catchUp) error {
	for _, c := range parts {
		c.read = Restored{Partition: c.number, From: FromStore}
		if !c.empty && w.ahead(c) {
			w.cfg.Log.Warn("the store is ahead of the log and is filled again", "context", w.cfg.Context, "partition", c.number)
			c.empty = true
		}
	}
	if err := w.foldTails(ctx, parts); err != nil {
		return err
	}
	g, inner := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var disturbed atomic.Bool
	for _, c := range parts {
		if !c.empty {
			continue
		}
		g.Go(func() error {
			err := w.restore(inner, c)
			if errors.Is(err, errNews) {
				disturbed.Store(true)
				return nil // the others go on
			}
			return err
		})
	}
	err := g.Wait()
	if err == nil && disturbed.Load() {
		err = errNews
	}
	return err
}

// ahead says whether a store knows more than there is: the log was restored from an older copy.
func (w *Worker) ahead(c *catchUp) bool {
	events, refusals := c.p.Position()
	return events > c.to.events.End || refusals > c.to.refusals.End
}

// whole refuses a log whose beginning is missing.
func (w *Worker) whole(n int32, events kafka.Extent) error {
	if events.Start > 0 {
		return fmt.Errorf("%s/%d begins at offset %d: the events before it were deleted, and no state can be known without them. Restore the topic from an archive", w.topics.events, n, events.Start)
	}
	return nil
}

// foldTails folds what the stores do not reflect yet, all partitions through one client. A store that misses an event
// which the log has counts as empty from then on.
func (w *Worker) foldTails(ctx context.Context, parts []*catchUp) error {
	var spans []kafka.Span
	byNumber := map[int32]*catchUp{}
	for _, c := range parts {
		if !c.empty {
			byNumber[c.number] = c
			spans = append(spans, w.spans(c)...)
		}
	}
	err := kafka.Replay(ctx, w.cfg.Kafka, spans, func(s kafka.Span, records []*kafka.Record, next int64) error {
		c := byNumber[s.Partition]
		if c.gap != nil {
			return nil
		}
		err := w.fold(ctx, c, s, records, next)
		if errors.Is(err, engine.ErrGap) {
			w.cfg.Log.Warn("the store does not fit the log and is filled again", "context", w.cfg.Context, "partition", c.number, "cause", err)
			c.gap, c.empty = err, true
			return nil
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("folding the tails of the logs: %w", err)
	}
	return nil
}

// spans are what is left to fold.
func (w *Worker) spans(c *catchUp) []kafka.Span {
	events, refusals := c.p.Position()
	out := []kafka.Span{
		{Topic: w.topics.events, Partition: c.number, From: events, Until: c.to.events.Stable},
		{Topic: w.topics.refusals, Partition: c.number, From: max(refusals, c.to.refusals.Start), Until: c.to.refusals.Stable},
	}
	c.tally.plan(c.number, out...)
	return out
}

// fold takes records of a span over, next being the offset after the last.
func (w *Worker) fold(ctx context.Context, c *catchUp, s kafka.Span, records []*kafka.Record, next int64) error {
	if err := w.absorb(ctx, c.owned, s, records, next); err != nil {
		return err
	}
	c.read.Records += len(records)
	c.passed(w, s, next, len(records))
	return nil
}

// absorb makes o reflect records of a span, and writes them to the store where they have become many.
func (w *Worker) absorb(ctx context.Context, o *owned, s kafka.Span, records []*kafka.Record, next int64) error {
	stored, err := w.stored(ctx, records)
	if err != nil {
		return err
	}
	if s.Topic == w.topics.refusals {
		err = o.p.FoldRefusals(stored, next)
	} else {
		err = o.p.FoldEvents(stored, next)
	}
	if err != nil {
		return err
	}
	if o.full() {
		return w.flush(o)
	}
	return nil
}

// passed notes that a span was read up to next, and tells of it now and then.
func (c *catchUp) passed(w *Worker, s kafka.Span, next int64, records int) {
	c.tally.pass(c.number, next-s.From, records)
	if rate, left, due := c.pace.pass(w.cfg.Now(), s, next); due {
		w.cfg.Log.Info("catching up", "topic", s.Topic, "partition", s.Partition, "from", c.read.From,
			"offset", next, "until", s.Until, "offsets_per_second", rate, "left", left)
	}
}
