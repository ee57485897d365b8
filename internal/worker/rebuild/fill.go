package rebuild

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
)

// fillPatch is how many offsets may be left for who comes after the filling.
const fillPatch = 2_000

// fillUp fills builds up to a vector that moves, until chasing it does not pay.
func (r *Rebuilder) fillUp(ctx context.Context, builds []*build, to func(*build, context.Context) (clickhouse.Vector, error)) error {
	for c := (chase{}); len(builds) > 0; {
		until := map[*build]clickhouse.Vector{}
		left := int64(0)
		for _, b := range builds {
			v, err := to(b, ctx)
			if err != nil {
				return err
			}
			until[b] = v
			left += distance(b.at, v)
		}
		if c.over(left) {
			break
		}
		if err := r.fill(ctx, until); err != nil {
			return err
		}
	}
	for _, b := range builds {
		r.at(b.view.Name, Filled)
	}
	return nil
}

// chase says when to stop running after a log that grows.
type chase struct {
	begun  bool
	before int64 // what was left when the round under way began
}

// over reports whether what is left is for who comes after the filling. Everything there was at the start is always filled.
// After that a round must at least halve what is left: a small one costs what its blocks do, however few rows they have, so
// that under load as much comes meanwhile as it takes away, and each leaves another small part in a table that merges none.
func (c *chase) over(left int64) bool {
	over := left == 0 || c.begun && (left < fillPatch || left > c.before/2)
	c.begun, c.before = true, left
	return over
}

// distance is how many offsets lie between two vectors.
func distance(from, to clickhouse.Vector) int64 {
	n := int64(0)
	for context, partitions := range to {
		for p, next := range partitions {
			n += max(next-from[context][p], 0)
		}
	}
	return n
}

// fill brings each build to its vector exactly.
func (r *Rebuilder) fill(ctx context.Context, until map[*build]clickhouse.Vector) error {
	builds := slices.SortedFunc(maps.Keys(until), func(a, b *build) int { return cmp.Compare(a.view.Name, b.view.Name) })
	lanes := r.lanes(builds, until)
	if len(lanes) == 0 {
		return nil
	}
	p := &filling{r: r, began: time.Now(), until: until}
	blocks := newBlocks(builds, min(r.cfg.Lanes, len(lanes)))
	for _, l := range lanes {
		p.total += l.until - l.from
		l.done, l.free, l.yield = &p.done, blocks, &p.yield
	}
	beside, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { p.report(beside) })
	wg.Go(func() { p.yield.watch(beside, builds) })
	defer func() { stop(); wg.Wait() }()
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.cfg.Lanes)
	for _, l := range lanes {
		g.Go(func() error { return l.run(ctx) })
	}
	return g.Wait()
}

// lanes are the partitions to read, each once, for all the builds that need it.
func (r *Rebuilder) lanes(builds []*build, until map[*build]clickhouse.Vector) []*lane {
	type key struct {
		topic     string
		partition int32
	}
	found := map[key]*lane{}
	for i, b := range builds {
		for context, partitions := range until[b] {
			for p, next := range partitions {
				at := b.at[context][p]
				if at >= next {
					continue
				}
				k := key{b.source(context).Topic(), p}
				l := found[k]
				if l == nil {
					l = &lane{r: r, source: b.source(context), partition: p, from: at, until: next}
					found[k] = l
				}
				l.from, l.until = min(l.from, at), max(l.until, next)
				l.parts = append(l.parts, &part{build: b, rows: i, from: at, until: next, again: b.resume && r.cfg.Without&GuardAgain == 0})
			}
		}
	}
	out := make([]*lane, 0, len(found))
	for _, l := range found {
		out = append(out, l)
	}
	// The longest first, so that none is left over alone at the end.
	slices.SortFunc(out, func(a, b *lane) int { return cmp.Compare(b.until-b.from, a.until-a.from) })
	return out
}

// filling counts while lanes run.
type filling struct {
	r     *Rebuilder
	began time.Time
	until map[*build]clickhouse.Vector
	total int64
	done  atomic.Int64
	yield yielding
}

const reportPause = 200 * time.Millisecond

// report tells the observer how far it is until ctx ends, and then once more.
func (f *filling) report(ctx context.Context) {
	ticks := time.NewTicker(reportPause)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			f.tell()
			return
		case <-ticks.C:
		}
		f.tell()
	}
}

func (f *filling) tell() {
	p := Progress{Done: f.done.Load(), Total: f.total, Rows: f.r.rows.Load(), Elapsed: time.Since(f.began), Lag: f.yield.lag.Load()}
	for b := range f.until {
		p.Views = append(p.Views, b.view.Name)
	}
	slices.Sort(p.Views)
	f.r.cfg.Observer.Filling(p)
}

// part is what one build needs of a lane.
type part struct {
	build       *build
	rows        int // which of a block's are the build's
	from, until int64
	// again says that the next block may have been in work when another process died. It belongs to who inserts.
	again bool
	// lot is where what can't be mapped is parked. It belongs to who decodes.
	lot *parking.Lot
}

// lane is one partition being read for one or several builds: records are decoded once, mapped for each, and inserted
// block by block while the next block is being decoded.
type lane struct {
	r           *Rebuilder
	source      projector.Source
	partition   int32
	from, until int64
	parts       []*part
	done        *atomic.Int64
	yield       *yielding

	free chan *block // of all lanes
	full chan *block
	// block belongs to the goroutine that decodes.
	block *block
}

func (l *lane) run(ctx context.Context) error {
	for _, p := range l.parts {
		lot, err := p.build.lot(ctx, l.source.Context, l.partition, p.from)
		if err != nil {
			return err
		}
		p.lot = lot
	}
	g, ctx := errgroup.WithContext(ctx)
	l.full = make(chan *block)
	g.Go(func() error {
		defer close(l.full)
		return l.read(ctx)
	})
	g.Go(func() error {
		for b := range l.full {
			if err := l.insert(ctx, b); err != nil {
				return err
			}
			b.reset()
			l.free <- b
		}
		return nil
	})
	if err := g.Wait(); err != nil {
		return fmt.Errorf("%s/%d: %w", l.source.Topic(), l.partition, err)
	}
	return nil
}

// read decodes and maps the lane's records.
func (l *lane) read(ctx context.Context) error {
	span := kafka.Span{Topic: l.source.Topic(), Partition: l.partition, From: l.from, Until: l.until}
	err := kafka.Replay(ctx, l.r.cfg.Projector.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, next int64) error {
		for _, rec := range records {
			if err := l.take(ctx, rec); err != nil {
				return err
			}
		}
		return l.passed(ctx, next)
	})
	if err != nil {
		return err
	}
	return l.flush(ctx, l.until)
}
