package projector

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// lots are where a projection parks what it can't map, by partition.
type lots struct {
	mu    sync.Mutex
	open  map[int32]*parking.Lot
	asked map[int32]chan struct{}
}

func (l *lots) of(partition int32) *parking.Lot {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.open[partition]
}

// begin takes a lot for that of its partition.
func (l *lots) begin(partition int32, lot *parking.Lot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[int32]*parking.Lot{}
	}
	l.open[partition] = lot
}

// door returns the channel by which a partition hears that something was decided.
func (l *lots) door(partition int32) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked == nil {
		l.asked = map[int32]chan struct{}{}
	}
	if l.asked[partition] == nil {
		l.asked[partition] = make(chan struct{}, 1)
	}
	return l.asked[partition]
}

// knockAll has every partition look. One that nothing is decided about finds so without asking anybody.
func (l *lots) knockAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, door := range l.asked {
		knock(door)
	}
}

func knock(door chan struct{}) {
	select {
	case door <- struct{}{}:
	default:
	}
}

func (l *lots) aggregates(partition int32) int {
	if lot := l.of(partition); lot != nil {
		return lot.Aggregates()
	}
	return 0
}

func (v *projection) lot(partition int32) *parking.Lot { return v.lots.of(partition) }

// openLot reads what stands in the lot of a partition that was taken over.
func (v *projection) openLot(ctx context.Context, a kafka.Assignment) error {
	ctx, cancel := context.WithTimeout(ctx, v.cfg.InsertLifetime) // for a revoke waits for this, too
	defer cancel()
	lot, err := parking.Open(ctx, parking.Config{
		DB: v.cfg.DB, View: v.view, Generation: v.generation, Context: v.source.Context, Partition: a.Partition,
		AggregatesMax: v.cfg.ParkedMax, Verdicts: v.board, Without: v.cfg.WithoutParking,
	}, a.Position)
	if err != nil {
		return kafka.Rejoin(err)
	}
	v.lots.begin(a.Partition, lot)
	if len(lot.Due()) > 0 {
		knock(v.lots.door(a.Partition))
	}
	return nil
}

// store writes down what was parked, before any row of the range is inserted: who repeats the range has to park it again.
func (v *projection) store(ctx context.Context, lot *parking.Lot, attempt clickhouse.Attempt, news []clickhouse.ParkedEvent) error {
	if err := lot.Store(ctx, attempt, v.cfg.InsertLifetime, news); err != nil || len(news) == 0 {
		return err
	}
	count := map[clickhouse.Fate]int{}
	for _, e := range news {
		count[e.Fate]++
		if e.Cause != "" {
			v.cfg.Log.Error("an event can't be mapped; its aggregate is parked, and the others go on (projectors parked list)", "view", e.View, "generation", e.Generation,
				"aggregate", e.Aggregate, "id", e.AggregateID, "position", fmt.Sprintf("%s/%d@%d", e.Context, e.Partition, e.Offset), "because", e.Cause)
		}
	}
	for fate, n := range count {
		v.cfg.Observer.Parked(v.source.Context, v.view.Name, fate, n)
	}
	return nil
}

// Asked returns the channel by which a partition hears that something was decided about what is parked of it.
func (v *projection) Asked(partition int32) <-chan struct{} { return v.lots.door(partition) }

// Between releases what is to be released of one aggregate. A rebalance waits for it, so the others come after the ranges
// that have arrived meanwhile.
func (v *projection) Between(_ context.Context, partition int32) (kafka.Work, error) {
	lot := v.lot(partition)
	due := lot.Due()
	if len(due) == 0 {
		return nil, nil
	}
	a := due[0]
	return func(ctx context.Context, attempt func(func() error) error) error {
		outcome, err := lot.Try(ctx, a, v.release(partition, attempt))
		if err != nil {
			return fmt.Errorf("releasing %s %s: %w", a.Type, a.ID, err)
		}
		v.cfg.Log.Info("parked events were tried", "view", v.view.Name, "generation", v.generation.Number, "aggregate", a.Type, "id", a.ID,
			"released", outcome.Released, "discarded", outcome.Discarded, "still parked because", outcome.Cause)
		v.cfg.Observer.Parked(v.source.Context, v.view.Name, clickhouse.Released, outcome.Released)
		v.cfg.Observer.Parked(v.source.Context, v.view.Name, clickhouse.Discarded, outcome.Discarded)
		if outcome.More || len(due) > 1 {
			knock(v.lots.door(partition))
		}
		return nil
	}, nil
}

func (v *projection) release(partition int32, attempt clickhouse.Attempt) parking.Release {
	return parking.Release{
		Kafka: v.cfg.Kafka, Topic: v.source.Topic(), Decode: v.source.Decode, Attempt: attempt, Patience: v.cfg.InsertLifetime,
		Insert: func(ctx context.Context, b clickhouse.Batch) error {
			_, err := v.sink.Insert(ctx, attempt, b)
			if errors.Is(err, clickhouse.ErrUnavailable) {
				return kafka.Rejoin(err)
			}
			return err
		},
	}
}

// ring has all partitions look what was decided.
func (v *projection) ring() { v.lots.knockAll() }

// unheard notes that decisions can't be heard at the moment.
func (p *Projector) unheard(err error) {
	p.cfg.Log.Warn("what is decided about parked events can't be heard at the moment", "error", err)
}
