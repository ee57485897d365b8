package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/projector"
)

// build is one view while it is rebuilt.
type build struct {
	r        *Rebuilder
	view     es.View
	contexts []string
	claim    *clickhouse.Claim

	old    clickhouse.Generation // what serves; Number 0: nothing does
	now    clickhouse.Generation // what is built
	plan   plan
	sink   *clickhouse.Sink
	resume bool // somebody has begun before us

	mu sync.Mutex        // of at, while lanes run
	at clickhouse.Vector // everything below it is in now
}

// raise notes that everything below next is in.
func (b *build) raise(context string, partition int32, next int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at.Raise(context, partition, next)
}

// plan is what whoever goes on with a generation has to know.
type plan struct {
	// From is where the filling starts; what is below it is copied from the generation that serves. Empty: from zero.
	From clickhouse.Vector `json:"from,omitempty"`
}

// open finds the generation to go on with, or makes one.
func (b *build) open(ctx context.Context, o Options) error {
	db := b.r.cfg.Projector.DB
	all, err := db.Generations(ctx, b.view.Name)
	if err != nil {
		return err
	}
	b.old, _ = clickhouse.In(all, clickhouse.StateServing)
	if err := b.withdraw(ctx, all); err != nil {
		return err
	}
	begun, err := b.begun(ctx, all, o)
	if err != nil {
		return err
	}
	if !begun {
		if err := b.make(ctx, all, o); err != nil {
			return err
		}
	}
	b.r.at(b.view.Name, Made)
	if b.at, err = db.Vector(ctx, b.now); err != nil {
		return err
	}
	b.sink, err = db.NewSink(ctx, b.view, b.now, clickhouse.SinkConfig{
		Pace: b.pace(), Without: b.r.cfg.Projector.WithoutSink, Inserted: func(_ string, rows int, _ time.Duration) { b.r.rows.Add(int64(rows)) },
	})
	if err != nil {
		return err
	}
	return b.copyOlder(ctx)
}

// pace is that of the projectors that will follow, but for how long an insert may take: it has ended when the claim of a
// process that died does.
func (b *build) pace() clickhouse.Pace {
	pace := b.r.cfg.Projector.Pace()
	pace.InsertLifetime = min(pace.InsertLifetime, b.r.cfg.ClaimTime/2)
	return pace
}

// withdraw has the projectors no longer follow an older generation that a rollback has not finished with.
func (b *build) withdraw(ctx context.Context, all []clickhouse.Generation) error {
	for _, g := range all {
		if g.State == clickhouse.StateFollowing && g.Number < b.old.Number {
			if _, err := b.r.cfg.Projector.DB.Move(ctx, g, clickhouse.StateKept); err != nil {
				return err
			}
		}
	}
	return nil
}

// begun finds a generation that is built already, as it should be; one that is built otherwise is dropped.
func (b *build) begun(ctx context.Context, all []clickhouse.Generation, o Options) (bool, error) {
	for _, g := range all {
		if g.Number <= b.old.Number || g.State != clickhouse.StateBuilding && g.State != clickhouse.StateFollowing && g.State != clickhouse.StateSwitching {
			continue
		}
		p, err := b.planOf(ctx, g)
		if err != nil {
			return false, err
		}
		if g.State == clickhouse.StateSwitching || g.Revision == b.view.Revision && !o.Fresh && (len(o.From) == 0 || sameFrom(p.From, o.From)) {
			b.now, b.plan, b.resume = g, p, true
			continue
		}
		b.r.cfg.Log.Info("a generation that was begun otherwise is dropped", "view", g.View, "generation", g.Number, "revision", g.Revision)
		if err := b.r.drop(ctx, g, b.contexts); err != nil {
			return false, err
		}
	}
	return b.resume, nil
}

func (b *build) planOf(ctx context.Context, g clickhouse.Generation) (p plan, err error) {
	text, err := b.r.cfg.Projector.DB.Plan(ctx, g)
	if err != nil {
		return p, err
	}
	if text == "" { // a first generation, which projectors fill from zero
		return p, nil
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return p, fmt.Errorf("rebuild: the plan of %s is not ours: %w", g, err)
	}
	return p, nil
}

// make makes the next generation.
func (b *build) make(ctx context.Context, all []clickhouse.Generation, o Options) error {
	number := 1
	if len(all) > 0 {
		number = all[len(all)-1].Number + 1
	}
	b.plan = plan{From: o.From}
	text, err := json.Marshal(b.plan)
	if err != nil {
		return err
	}
	script, err := b.r.cfg.Projector.Render(b.view.Name, number, 2*b.r.cfg.Projector.Pace().Window())
	if err != nil {
		return err
	}
	b.now, err = b.r.cfg.Projector.DB.NewGeneration(ctx, b.view.Name, number, b.view.Revision,
		clickhouse.Birth{State: clickhouse.StateBuilding, Script: script, Plan: string(text)})
	return err
}

func sameFrom(a, b clickhouse.Vector) bool {
	return maps.EqualFunc(a, b, func(x, y map[int32]int64) bool { return maps.Equal(x, y) })
}

// copyOlder copies the rows below the plan's start from the generation that serves, unless that has been done: the
// watermarks say so, which are written behind it.
func (b *build) copyOlder(ctx context.Context) error {
	if len(b.plan.From) == 0 || b.now.State != clickhouse.StateBuilding {
		return nil
	}
	if !b.below(b.plan.From) {
		db := b.r.cfg.Projector.DB
		for _, t := range b.view.Tables {
			if err := db.CopyRows(ctx, t, b.old.Table(t.Name()), b.now.Table(t.Name()), b.plan.From); err != nil {
				return err
			}
		}
		if err := db.CopyParked(ctx, b.old, b.now, b.plan.From); err != nil {
			return err
		}
		var marks []clickhouse.Watermark
		for context, partitions := range b.plan.From {
			for p, next := range partitions {
				marks = append(marks, b.mark(context, p, next, 0, 0))
			}
		}
		if err := db.Mark(ctx, marks...); err != nil {
			return err
		}
		for context, partitions := range b.plan.From {
			for p, next := range partitions {
				b.at.Raise(context, p, next)
			}
		}
	}
	b.r.at(b.view.Name, Copied)
	return nil
}

// below says whether everything below v is in.
func (b *build) below(v clickhouse.Vector) bool {
	for context, partitions := range v {
		for p, next := range partitions {
			if b.at[context][p] < next {
				return false
			}
		}
	}
	return true
}

func (b *build) mark(context string, partition int32, next, eventTime int64, rows int) clickhouse.Watermark {
	return clickhouse.Watermark{
		View: b.view.Name, Generation: b.now.Number, Context: context, Partition: partition, Next: next, EventTime: eventTime, Rows: rows,
	}
}

// source is the view's stream in a context.
func (b *build) source(context string) projector.Source {
	return projector.Source{Context: context, Stream: b.view.From, Codec: b.r.cfg.Projector.Codec}
}

// extents are what the view's topics hold at this moment.
func (b *build) extents(ctx context.Context) (map[string]map[int32]kafka.Extent, error) {
	var topics []string
	for _, c := range b.contexts {
		topics = append(topics, b.source(c).Topic())
	}
	found, err := kafka.Extents(ctx, b.r.cfg.Projector.Kafka, topics...)
	if err != nil {
		return nil, err
	}
	out := map[string]map[int32]kafka.Extent{}
	for _, c := range b.contexts {
		out[c] = found[b.source(c).Topic()]
	}
	return out, nil
}

// stable is where the logs end for readers, and raises at to where they start: what is below was never there for us.
func (b *build) stable(ctx context.Context) (clickhouse.Vector, error) {
	extents, err := b.extents(ctx)
	if err != nil {
		return nil, err
	}
	out := clickhouse.Vector{}
	for context, partitions := range extents {
		for p, e := range partitions {
			out.Raise(context, p, e.Stable)
			b.at.Raise(context, p, e.Start)
		}
	}
	return out, nil
}

// serving is how far the generation that serves is, at most to the end of the logs.
func (b *build) serving(ctx context.Context) (clickhouse.Vector, error) {
	stable, err := b.stable(ctx)
	if err != nil || b.old.Number == 0 {
		return stable, err
	}
	reached, err := b.r.cfg.Projector.DB.Vector(ctx, b.old)
	if err != nil {
		return nil, err
	}
	for context, partitions := range stable {
		for p, end := range partitions {
			partitions[p] = min(end, reached[context][p])
		}
	}
	return stable, nil
}
