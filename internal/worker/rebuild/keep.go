package rebuild

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/projector"
)

// trim drops the oldest of the generations that have served, until keep of them are left.
func (r *Rebuilder) trim(ctx context.Context, b *build, keep int) error {
	all, err := r.cfg.Projector.DB.Generations(ctx, b.view.Name)
	if err != nil {
		return err
	}
	var kept []clickhouse.Generation
	for _, g := range all {
		if g.State == clickhouse.StateKept {
			kept = append(kept, g)
		}
	}
	for ; len(kept) > keep; kept = kept[1:] {
		if err := r.drop(ctx, kept[0], b.contexts); err != nil {
			return err
		}
		r.at(b.view.Name, Trimmed)
	}
	return nil
}

// drop takes a generation's tables and consumer groups away.
func (r *Rebuilder) drop(ctx context.Context, g clickhouse.Generation, contexts []string) error {
	if err := r.cfg.Projector.DB.Drop(ctx, g); err != nil {
		return err
	}
	for _, c := range contexts {
		// Its members are leaving. A group that stays behind is forgotten by the broker after a week.
		if err := kafka.DeleteGroup(ctx, r.cfg.Projector.Kafka, projector.Group(r.cfg.Projector.DB.Database(), c, g)); err != nil {
			r.cfg.Log.Debug("the consumer group of a dropped generation stays behind", "view", g.View, "generation", g.Number, "error", err)
		}
	}
	return nil
}

// Drop takes one generation of a view away for good. The one that serves is refused.
func (r *Rebuilder) Drop(ctx context.Context, view string, number int) (err error) {
	builds, ctx, err := r.claim(ctx, []string{view})
	defer func() { err = errors.Join(err, r.release(ctx, builds)) }()
	if err != nil {
		return err
	}
	all, err := r.cfg.Projector.DB.Generations(ctx, view)
	if err != nil {
		return err
	}
	for _, g := range all {
		if g.Number == number {
			return r.drop(ctx, g, builds[0].contexts)
		}
	}
	return fmt.Errorf("rebuild: view %s has no generation %d (projectors generations)", view, number)
}

// AtWork says who is rebuilding, rolling back or dropping a view at the moment, if anybody is.
func AtWork(ctx context.Context, db *clickhouse.DB, view string) (who string, working bool, err error) {
	who, working, err = db.Claimed(ctx, projector.ClaimName(view))
	if !working {
		who = ""
	}
	return who, working, err
}
