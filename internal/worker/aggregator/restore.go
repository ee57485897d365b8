package aggregator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// dedupMargin is how far the stamps of a log may lie from its recorded times: they are taken a moment later, by a clock
// that may be behind.
const dedupMargin = time.Minute

// readsMax is how often a restore reads on in the snapshots: all of them, those written meanwhile, those written while
// these were read.
const readsMax = 3

// restore fills an empty partition from its logs.
func (w *Worker) restore(ctx context.Context, c *catchUp) error {
	began := w.cfg.Now()
	if err := w.fill(ctx, c); err != nil {
		return fmt.Errorf("restoring partition %d: %w", c.number, err)
	}
	c.empty = false
	c.read.Took = w.cfg.Now().Sub(began)
	if c.to.events.Stable > 0 {
		w.cfg.Log.Info("restored", "context", w.cfg.Context, "partition", c.number, "from", c.read.From,
			"snapshots", c.read.Snapshots, "records", c.read.Records, "took", c.read.Took)
		w.cfg.Observer.Restore(w.cfg.Context, c.read)
	}
	return nil
}

// fill fills it from the snapshots, else from the first event.
func (w *Worker) fill(ctx context.Context, c *catchUp) error {
	if c.fromZero {
		return w.fromZero(ctx, c)
	}
	err := w.fromSnapshots(ctx, c)
	if !unusable(err) {
		return err
	}
	// Where somebody owns the partition meanwhile, compaction may have taken a snapshot that was to be read, for one that
	// was not there yet. It is there now.
	targets, failed := w.targets(ctx)
	if failed != nil {
		return failed
	}
	if again := targets(c.number); again.snapshots.Stable > c.to.snapshots.Stable {
		c.to = again
		if err = w.fromSnapshots(ctx, c); !unusable(err) {
			return err
		}
	}
	if c.to.events.Stable > 0 {
		w.cfg.Log.Info("folding from zero", "context", w.cfg.Context, "partition", c.number, "events", c.to.events.Stable, "cause", err)
	}
	return w.fromZero(ctx, c)
}

func unusable(err error) bool {
	return errors.Is(err, engine.ErrSnapshots) || errors.Is(err, engine.ErrGap)
}

// targets tells how far the partitions' logs can be read now. The snapshots' ends are taken first, so that they can't
// seem to be ahead of the events that an owner writes meanwhile.
func (w *Worker) targets(ctx context.Context) (func(n int32) target, error) {
	t := w.topics
	snapshots, err := kafka.Extents(ctx, w.cfg.Kafka, t.snapshots)
	if err != nil {
		return nil, err
	}
	folded, err := kafka.Extents(ctx, w.cfg.Kafka, t.events, t.refusals)
	if err != nil {
		return nil, err
	}
	return func(n int32) target {
		return target{folded[t.events][n], folded[t.refusals][n], snapshots[t.snapshots][n]}
	}, nil
}

// fromSnapshots loads the newest snapshot of each aggregate, and then folds what came since the checkpoint they are
// from, or since the dedup window began if that is earlier.
func (w *Worker) fromSnapshots(ctx context.Context, c *catchUp) error {
	if err := w.begin(c, FromSnapshots); err != nil {
		return err
	}
	r := c.p.Restore()
	for span, n := w.snapshotSpan(c), 0; span.From < span.Until && n < readsMax; n++ {
		if err := w.load(ctx, c, r, span); err != nil {
			return err
		}
		targets, err := w.targets(ctx)
		if err != nil {
			return err
		}
		c.to = c.to.movedOn(targets(c.number))
		span.From, span.Until = span.Until, c.to.snapshots.Stable
	}
	if err := r.Finish(c.to.events.End, c.to.refusals.End); err != nil {
		return err
	}
	return w.foldOn(ctx, c)
}

// movedOn are the ends of the logs at a later time, once the snapshots were read up to their ends of before. Where
// somebody owns the partition meanwhile, the marker's count does not tell of every snapshot that compaction took:
//
//	owner: completes a checkpoint of one aggregate, A     the marker counts 1
//	owner: B is born, and its snapshot is written
//	restore: asks for the ends of the logs
//	owner: writes another snapshot of A; compaction takes the old one
//	restore: reads one snapshot, B's: A is missing, and nothing says so, not even a gap if A has no event since
//
// But what took a snapshot's place was written before it could do so: a restore reads on. It need not go on for ever, for
// what came during its last reading is younger than any compaction lag. Then it folds up to ends that were taken last, so
// that no snapshot is ahead of them.
func (t target) movedOn(now target) target {
	return target{further(t.events, now.events), further(t.refusals, now.refusals), further(t.snapshots, now.snapshots)}
}

// further is an extent at a later time. What was waited for does not become unstable again.
func further(before, now kafka.Extent) kafka.Extent {
	now.Stable = max(before.Stable, now.Stable)
	return now
}

// load takes the snapshots of a span over.
func (w *Worker) load(ctx context.Context, c *catchUp, r *engine.Restoration, span kafka.Span) error {
	c.tally.plan(c.number, span)
	var batch statestore.Batch
	err := kafka.Replay(ctx, w.cfg.Kafka, []kafka.Span{span}, func(s kafka.Span, records []*kafka.Record, next int64) error {
		stored, err := w.stored(ctx, records)
		if err != nil {
			return err
		}
		batch.Reset()
		for _, x := range r.Load(stored) {
			batch.Set(x.Key, x.Value)
		}
		c.read.Snapshots += batch.Len()
		c.passed(w, s, next, len(records))
		_, err = c.owned.lease.Apply(0, &batch) // without a watermark: it is not to be gone on from before all of it is there
		return err
	})
	if errors.Is(err, kafka.ErrCut) { // after their end was asked for
		return fmt.Errorf("%w: %w", engine.ErrSnapshots, err)
	}
	return err
}

func (w *Worker) snapshotSpan(c *catchUp) kafka.Span {
	return kafka.Span{Topic: w.topics.snapshots, Partition: c.number, From: c.to.snapshots.Start, Until: c.to.snapshots.Stable}
}

func (w *Worker) fromZero(ctx context.Context, c *catchUp) error {
	if err := w.begin(c, FromZero); err != nil {
		return err
	}
	return w.foldOn(ctx, c)
}

// begin makes sure that nothing is left in the store.
func (w *Worker) begin(c *catchUp, from Origin) error {
	c.read = Restored{Partition: c.number, From: from}
	if c.p == nil || c.owned.lease.Watermark() >= 0 {
		return w.clear(c.owned, c.lease)
	}
	for _, err := range c.owned.lease.Scan(nil, nil) {
		if err != nil {
			return err
		}
		return w.clear(c.owned, c.lease) // left by a restore that did not come to its end
	}
	return nil
}

// foldOn folds events and refusals from where the engine stands.
func (w *Worker) foldOn(ctx context.Context, c *catchUp) error {
	if c.to.events.Stable > 0 || c.to.refusals.Stable > 0 {
		window := w.cfg.Now().Add(-w.cfg.DedupWindow - dedupMargin).UnixMilli()
		since, err := kafka.OffsetsSince(ctx, w.cfg.Kafka, window, w.topics.events, w.topics.refusals)
		if err != nil {
			return err
		}
		c.p.Recall(since[w.topics.events][c.number], since[w.topics.refusals][c.number])
	}
	return kafka.Replay(ctx, w.cfg.Kafka, w.spans(c), func(s kafka.Span, records []*kafka.Record, next int64) error {
		return w.fold(ctx, c, s, records, next)
	})
}
