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
	"recount/internal/worker/parking"
)

// Projector keeps the views of contexts up to date.
type Projector struct {
	cfg   Config
	turns kafka.Turns
	views []*keeper
	// marksErr is why watermarks are no longer written.
	marksErr atomic.Pointer[error]
	tables   atomic.Pointer[[]clickhouse.TableParts]
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
			p.views = append(p.views, &keeper{cfg: &p.cfg, context: c.Name, view: v, turns: p.turns, changed: make(chan struct{}, 1)})
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
	board, err := parking.NewBoard(ctx, p.cfg.Kafka)
	if err != nil {
		return err
	}
	lags, err := kafka.NewLagReader(p.cfg.Kafka)
	if err != nil {
		return err
	}
	defer lags.Close()
	marks := p.cfg.DB.NewWatermarks()
	writing, stopMarks := context.WithCancel(context.WithoutCancel(ctx))
	watching, stopWatching := context.WithCancel(ctx)
	var beside, work sync.WaitGroup
	beside.Go(func() { p.mark(writing, marks) })
	beside.Go(func() { p.watchLag(watching, lags) })
	beside.Go(func() { p.watchTables(watching) })
	beside.Go(func() { board.Follow(watching, p.cfg.Kafka, p.unheard) })
	for _, v := range p.views {
		v.marks, v.board = marks, board
		work.Go(func() { v.fail(ctx, v.run(ctx, p.partitionsOf(v.view, topics))) })
	}
	work.Wait()
	stopWatching()
	stopMarks() // the last of the watermarks are written when the last range is in
	beside.Wait()
	faults := []error{p.unmarked()}
	for _, v := range p.views {
		faults = append(faults, v.failure())
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
		if err := v.ready(); err != nil {
			missing = append(missing, fmt.Errorf("view %s of %s: %w", v.view.Name, v.context, err))
		}
	}
	return errors.Join(missing...)
}

// projection is one generation of one view of one context.
type projection struct {
	cfg        *Config
	source     Source
	view       es.View
	generation clickhouse.Generation
	limits     kafka.RangeLimits
	marks      *clickhouse.Watermarks
	board      *parking.Board
	progress   progress
	lots       lots
	serves     atomic.Bool // the generation is the one that is shown

	sink *clickhouse.Sink // set before the first record is read
}

// Group names the consumer group of a generation. Its incarnation keeps the offsets of a database that was dropped from
// being taken for those of the one made in its place.
func Group(database, context string, g clickhouse.Generation) string {
	return fmt.Sprintf("recount.%s.%s.%s.g%d.%.8s", database, context, g.View, g.Number, g.Incarnation)
}

func (v *projection) group() string {
	return Group(v.cfg.DB.Database(), v.source.Context, v.generation)
}

// run projects until ctx ends.
func (v *projection) run(ctx context.Context, turns kafka.Turns) error {
	sink, err := v.cfg.DB.NewSink(ctx, v.view, v.generation, clickhouse.SinkConfig{
		Pace: v.cfg.Pace(),
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
	v.sink = sink
	defer v.board.Attend(v.ring)()
	consumer, err := kafka.NewRangeConsumer(kafka.RangeConfig{
		Config: v.cfg.Kafka, Group: v.group(), Topic: v.source.Topic(), Generation: v.generation.Number, InstanceID: v.cfg.InstanceID,
		SessionTimeout: v.cfg.SessionTimeout, RebalanceTimeout: v.cfg.RebalanceTimeout, Limits: v.limits,
		Turns: turns, Without: v.cfg.WithoutRange,
	}, v)
	if err != nil {
		return err
	}
	return consumer.Run(ctx)
}
