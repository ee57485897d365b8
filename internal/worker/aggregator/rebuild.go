package aggregator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"recount/internal/kafka"
	"recount/internal/statestore"
)

// Rebuild says which stores to fill, and from what.
type Rebuild struct {
	// Partitions to fill; none: all.
	Partitions []int32
	// FromZero looks at no snapshot: every event is folded.
	FromZero bool
	// Progress is told how far it is, by one goroutine at a time; nil: nobody is.
	Progress func(Progress)
}

// Rebuild throws the stores of partitions away and fills them from the logs, as far as these can be read now, without
// being a member of the group: whoever owns the partitions goes on meanwhile. Its leases must be free, so this is not for a
// worker that runs. What it returns is ordered by partition.
//
// After an error the stores that are not complete count as empty: the next owner fills them again.
func (w *Worker) Rebuild(ctx context.Context, r Rebuild) ([]Restored, error) {
	numbers, err := w.chosen(r.Partitions)
	if err != nil {
		return nil, err
	}
	parts, err := w.rebuilds(ctx, numbers, r)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range parts {
		g.Go(func() error { return w.rebuild(ctx, c) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []Restored
	for _, c := range parts {
		out = append(out, c.read)
	}
	return out, nil
}

// chosen are partitions that exist, in order and each once.
func (w *Worker) chosen(partitions []int32) ([]int32, error) {
	out := slices.Clone(partitions)
	for n := int32(0); len(partitions) == 0 && n < w.cfg.Partitions; n++ {
		out = append(out, n)
	}
	slices.Sort(out)
	out = slices.Compact(out)
	if out[0] < 0 || out[len(out)-1] >= w.cfg.Partitions {
		return nil, fmt.Errorf("context %s has partitions 0 to %d, and not all of %v", w.cfg.Context, w.cfg.Partitions-1, out)
	}
	return out, nil
}

// rebuilds plans the work.
func (w *Worker) rebuilds(ctx context.Context, numbers []int32, r Rebuild) ([]*catchUp, error) {
	targets, err := w.targets(ctx)
	if err != nil {
		return nil, err
	}
	tally := newTally(len(numbers), r.Progress)
	var parts []*catchUp
	for _, n := range numbers {
		to := targets(n)
		if err := w.whole(n, to.events); err != nil {
			return nil, err
		}
		c := &catchUp{owned: &owned{number: n}, to: to, fromZero: r.FromZero, tally: tally}
		if r.FromZero {
			tally.plan(n, kafka.Span{Until: to.events.Stable}, kafka.Span{From: to.refusals.Start, Until: to.refusals.Stable})
		} else {
			tally.plan(n, w.snapshotSpan(c))
		}
		parts = append(parts, c)
	}
	return parts, nil
}

// rebuild fills one partition's store, and gives it back complete and on the disk.
func (w *Worker) rebuild(ctx context.Context, c *catchUp) (err error) {
	c.lease = func(n int32, take take) (*statestore.Lease, error) { return take(ctx, w.storeName(n)) }
	held, err := w.acquire(c.number, c.lease)
	if err != nil {
		return fmt.Errorf("partition %d: %w", c.number, err)
	}
	c.owned = held
	defer func() {
		if held.lease != nil {
			err = errors.Join(err, held.lease.Release())
		}
	}()
	if err := w.restore(ctx, c); err != nil {
		return err
	}
	if err := w.flush(c.owned); err != nil {
		return fmt.Errorf("partition %d: %w", c.number, err)
	}
	c.tally.done(c.number)
	return held.lease.Sync()
}
