package rebuild

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/clickhouse"
)

// RollbackOptions say how a view is rolled back.
type RollbackOptions struct {
	// To is the generation to return to; 0: the newest that is kept. One that serves already is no fault.
	To int
	// Stale takes the generation as it stood when it last served, which is all that can be done where another revision of
	// the mapping has filled it.
	Stale bool
}

// Rollback has a generation serve again that served before, after it has been brought up to date. The one that serves now
// is kept: rolling back again undoes it.
func (r *Rebuilder) Rollback(ctx context.Context, view string, o RollbackOptions) (result Result, err error) {
	builds, ctx, err := r.claim(ctx, []string{view})
	defer func() { err = errors.Join(err, r.release(ctx, builds)) }()
	if err != nil {
		return result, err
	}
	b := builds[0]
	if err := b.choose(ctx, o); err != nil {
		return result, err
	}
	result = Result{View: view, Generation: b.now.Number}
	if b.now.State == clickhouse.StateServing {
		result.Serves = true
		return result, nil
	}
	if b.now.State == clickhouse.StateKept && !o.Stale {
		if b.now, err = r.cfg.Projector.DB.Move(ctx, b.now, clickhouse.StateFollowing); err != nil {
			return result, err
		}
		r.at(view, Followed)
	}
	if b.now.State == clickhouse.StateFollowing {
		if err := b.catchUp(ctx); err != nil {
			return result, fmt.Errorf("rolling view %s back: %w", view, err)
		}
	}
	if err := b.takeOver(ctx); err != nil {
		return result, fmt.Errorf("rolling view %s back: %w", view, err)
	}
	result.Serves = true
	return result, nil
}

// choose finds the generation to return to, or the one that an earlier rollback was about to.
func (b *build) choose(ctx context.Context, o RollbackOptions) error {
	db := b.r.cfg.Projector.DB
	all, err := db.Generations(ctx, b.view.Name)
	if err != nil {
		return err
	}
	found := false
	b.old, _ = clickhouse.In(all, clickhouse.StateServing)
	for _, g := range all {
		returns := g.State == clickhouse.StateKept || g.State == clickhouse.StateFollowing && g.Number < b.old.Number || g.State == clickhouse.StateSwitching
		if o.To == 0 && returns && b.now.State != clickhouse.StateSwitching || o.To == g.Number && (returns || g.State == clickhouse.StateServing) {
			b.now, found = g, true
		}
	}
	switch {
	case !found && o.To > 0:
		return fmt.Errorf("rebuild: generation %d of view %s can't serve again: it is not kept (projectors generations)", o.To, b.view.Name)
	case !found:
		return fmt.Errorf("rebuild: no generation of view %s is kept that could serve again (projectors generations)", b.view.Name)
	case b.now.Revision != b.view.Revision && !o.Stale && b.now.State != clickhouse.StateSwitching:
		return fmt.Errorf("rebuild: generation %d of view %s was filled by revision %d of its mapping, and this program has revision %d, so it can't bring it up to date: "+
			"run the older program's projectors rollback, or give --stale to show it as it stood when it last served", b.now.Number, b.view.Name, b.now.Revision, b.view.Revision)
	}
	b.at, err = db.Vector(ctx, b.now)
	return err
}
