package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
)

// Projector keeps the views of contexts up to date.
type Projector struct {
	cfg   Config
	turns kafka.Turns
	views []*projection
	// marksErr is why watermarks are no longer written.
	marksErr atomic.Pointer[error]
}

// New returns a projector that Run starts.
func New(cfg Config) (*Projector, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	p := &Projector{cfg: cfg, turns: kafka.NewTurns(cfg.Concurrency)}
	for _, c := range cfg.Contexts {
		for _, v := range c.Views {
			p.views = append(p.views, &projection{cfg: &p.cfg, context: c.Name, view: v})
		}
	}
	if len(p.views) == 0 {
		return nil, errors.New("projector: the contexts declare no view")
	}
	return p, nil
}

// Run projects until ctx ends, then finishes the ranges in work, confirms them and leaves the groups. A view that fails
// stops alone; Run goes on with the others, returns early when none is left, and returns every view's error.
func (p *Projector) Run(ctx context.Context) error {
	topics, err := kafka.DescribeTopics(ctx, p.cfg.Kafka, p.topics()...)
	if err != nil {
		return err
	}
	marks := p.cfg.DB.NewWatermarks()
	writing, stopMarks := context.WithCancel(context.WithoutCancel(ctx))
	watching, stopWatching := context.WithCancel(ctx)
	var beside, work sync.WaitGroup
	beside.Go(func() { p.mark(writing, marks) })
	beside.Go(func() { p.watchLag(watching) })
	for _, v := range p.views {
		work.Go(func() { v.fail(ctx, v.run(ctx, p.turns, marks, p.partitionsOf(v.view, topics))) })
	}
	work.Wait()
	stopWatching()
	stopMarks() // the last of the watermarks are written when the last range is in
	beside.Wait()
	faults := []error{p.unmarked()}
	for _, v := range p.views {
		faults = append(faults, v.progress.failure())
	}
	return errors.Join(faults...)
}

// mark writes watermarks. Without them views are right, but nobody can tell how far they are.
func (p *Projector) mark(ctx context.Context, marks *clickhouse.Watermarks) {
	if err := marks.Run(ctx); err != nil {
		p.marksErr.Store(&err)
		p.cfg.Log.Error("watermarks are no longer written", "error", err)
	}
}

func (p *Projector) unmarked() error {
	if err := p.marksErr.Load(); err != nil {
		return *err
	}
	return nil
}

// topics are those the views are mapped from.
func (p *Projector) topics() []string {
	seen := map[string]bool{}
	var out []string
	for _, v := range p.views {
		if t := v.topic(); !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}
	return out
}

// partitionsOf counts the partitions that feed the tables of a view, over all contexts that have it.
func (p *Projector) partitionsOf(view es.View, topics map[string]kafka.TopicInfo) int {
	n := 0
	for _, v := range p.views {
		if v.view.Name == view.Name {
			n += int(topics[v.topic()].Partitions)
		}
	}
	return n
}

// lagPause is how often the ends of the logs are asked for.
const lagPause = 5 * time.Second

// watchLag keeps the last stable offsets, which the lag is measured to and from which follows what the views are known
// to hold.
func (p *Projector) watchLag(ctx context.Context) {
	var still kafka.Standstill
	known := newKnowledge(p.cfg.TransactionTimeout)
	for {
		at := time.Now() // before the offsets are read
		found, err := kafka.Extents(ctx, p.cfg.Kafka, p.topics()...)
		if err != nil {
			p.cfg.Log.Debug("the lag is not known at the moment", "error", err)
		}
		stood := map[string]map[int32]time.Duration{}
		for topic, extents := range found {
			stood[topic] = map[int32]time.Duration{}
			for n, e := range extents {
				stood[topic][n] = still.Note(topic, n, e, time.Now())
			}
		}
		for _, v := range p.views {
			for n, e := range found[v.topic()] {
				v.progress.stands(n, e.Stable, stood[v.topic()][n])
			}
		}
		p.tell(ctx, known, at, found)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lagPause):
		}
	}
}

// tell publishes what the views are known to hold. Nothing but questions for what was believed waits for it.
func (p *Projector) tell(ctx context.Context, known *knowledge, at time.Time, found map[string]map[int32]kafka.Extent) {
	var all []clickhouse.Known
	for _, v := range p.views {
		all = append(all, known.learn(at, v.status(), found[v.topic()])...)
	}
	if err := p.cfg.DB.TellKnown(ctx, all); err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("what the views are known to hold is not told at the moment", "error", err)
	}
}

// Status returns where every view stands.
func (p *Projector) Status() []ViewStatus {
	out := make([]ViewStatus, 0, len(p.views))
	for _, v := range p.views {
		out = append(out, v.status())
	}
	return out
}

// Ready returns nil once every view has reached what its topics held when this process took their partitions over, and
// else says what is missing.
func (p *Projector) Ready() error {
	missing := []error{p.unmarked()}
	for _, v := range p.views {
		if err := v.progress.ready(); err != nil {
			missing = append(missing, fmt.Errorf("view %s of %s: %w", v.view.Name, v.context, err))
		}
	}
	return errors.Join(missing...)
}

// projection is one view of one context.
type projection struct {
	cfg      *Config
	context  string
	view     es.View
	progress progress

	// Set before the first record is read.
	generation clickhouse.Generation
	sink       *clickhouse.Sink
	marks      *clickhouse.Watermarks
}

func (v *projection) topic() string { return v.context + "." + string(v.view.From) }

// group names the consumer group of a generation. Its incarnation keeps the offsets of a database that was dropped from
// being taken for those of the one made in its place.
func (v *projection) group() string {
	return fmt.Sprintf("recount.%s.%s.%s.g%d.%.8s", v.cfg.DB.Database(), v.context, v.view.Name, v.generation.Number, v.generation.Incarnation)
}

// run prepares the view's generation and projects until ctx ends.
func (v *projection) run(ctx context.Context, turns kafka.Turns, marks *clickhouse.Watermarks, partitions int) error {
	pace := v.cfg.pace(partitions)
	// Twice the window that is asserted, so that there is room to grow.
	g, err := v.cfg.DB.EnsureView(ctx, v.view, 2*pace.Window(), v.cfg.Render)
	if err != nil {
		return err
	}
	sink, err := v.cfg.DB.NewSink(ctx, v.view, g, clickhouse.SinkConfig{
		Pace: pace,
		Inserted: func(table string, rows int, took time.Duration) {
			v.cfg.Observer.Inserted(v.view.Name, table, rows, took)
		},
		Retried: func(table string, err error) {
			v.cfg.Log.Warn("an insert failed and is repeated", "view", v.view.Name, "table", table, "error", err)
			v.cfg.Observer.Retried(v.view.Name, table)
		},
		Without: v.cfg.WithoutSink,
	})
	if err != nil {
		return err
	}
	v.generation, v.sink, v.marks = g, sink, marks
	v.progress.opened(g.Number)
	consumer, err := kafka.NewRangeConsumer(kafka.RangeConfig{
		Config: v.cfg.Kafka, Group: v.group(), Topic: v.topic(), Generation: g.Number, InstanceID: v.cfg.InstanceID,
		SessionTimeout: v.cfg.SessionTimeout, RebalanceTimeout: v.cfg.RebalanceTimeout, Limits: v.cfg.Limits,
		Turns: turns, Without: v.cfg.WithoutRange,
	}, v)
	if err != nil {
		return err
	}
	return consumer.Run(ctx)
}

// fail records how the view ended. Being told to stop is no failure, whatever it interrupted.
func (v *projection) fail(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return
	}
	v.progress.failed(fmt.Errorf("view %s of %s stopped: %w", v.view.Name, v.context, err))
	v.cfg.Observer.Failed(v.context, v.view.Name)
	v.cfg.Log.Error("a view stopped; the others go on", "view", v.view.Name, "context", v.context, "error", err)
}
