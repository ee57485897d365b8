package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/worker/parking"
)

// lot is where what the build can't map of a partition is parked, from a position on.
func (b *build) lot(ctx context.Context, contextName string, partition int32, position int64) (*parking.Lot, error) {
	return parking.Open(ctx, parking.Config{
		DB: b.r.cfg.Projector.DB, View: b.view, Generation: b.now, Context: contextName, Partition: partition,
		AggregatesMax: b.r.cfg.Projector.ParkedMax, Verdicts: b.r.board, Without: b.r.cfg.Projector.WithoutParking,
	}, position)
}

// attempt makes an effect only while the view is ours.
func (b *build) attempt(try func() error) error {
	if err := b.claim.Check(); err != nil {
		return err
	}
	return try()
}

// park writes down what was parked of a block, for as long as it takes, before any of its rows are inserted.
func (l *lane) park(ctx context.Context, p *part, news []clickhouse.ParkedEvent) error {
	for _, e := range news {
		if e.Cause != "" {
			l.r.cfg.Log.Warn("an event can't be mapped; its aggregate is parked in the new generation", "view", e.View, "generation", e.Generation,
				"aggregate", e.Aggregate, "id", e.AggregateID, "position", fmt.Sprintf("%s/%d@%d", e.Context, e.Partition, e.Offset), "because", e.Cause)
		}
	}
	for {
		err := p.lot.Store(ctx, p.build.attempt, p.build.pace().InsertLifetime, news)
		if err == nil || !errors.Is(err, clickhouse.ErrUnavailable) {
			return err
		}
		l.r.cfg.Log.Warn("parked events could not be written down; it is tried again", "view", p.build.view.Name, "error", err)
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(unavailablePause):
		}
	}
}

// unparked refuses an aggregate of which events are parked: its rows are incomplete because they have to be.
func (b *build) unparked(ctx context.Context, contextName string, partition int32, a parking.Aggregate) error {
	lot, err := b.lot(ctx, contextName, partition, parking.Everything)
	if err != nil {
		return err
	}
	if lot.Holds(a) {
		return fmt.Errorf("events of %s %s are parked in generation %d: have them released instead (projectors parked release %s %s/%s)",
			a.Type, a.ID, b.now.Number, b.view.Name, a.Type, a.ID)
	}
	return nil
}

// discarded says whether an event is never to be in the view.
func (b *build) discarded(contextName string, partition int32, offset int64) bool {
	return b.r.board.Discarded(contextName, b.view.Name, partition, offset)
}
