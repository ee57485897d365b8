package rebuild

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"recount/internal/clickhouse"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
)

// Rebuilder rebuilds views.
type Rebuilder struct {
	cfg   Config
	rows  atomic.Int64   // inserted
	board *parking.Board // what was decided about parked events when this began; what comes later is the projectors'
}

// New returns a rebuilder. It reads what was decided about parked events.
func New(ctx context.Context, cfg Config) (*Rebuilder, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	board, err := parking.NewBoard(ctx, cfg.Projector.Kafka)
	if err != nil {
		return nil, err
	}
	return &Rebuilder{cfg: cfg, board: board}, nil
}

func (r *Rebuilder) at(view string, p Point) { r.cfg.Observer.At(view, p) }

// Options say how views are rebuilt.
type Options struct {
	// Stage stops before the switch: the new generation is filled, compared, and shown to nobody.
	Stage bool
	// ExpectChange takes a difference from the generation that serves for intended.
	ExpectChange bool
	// Fresh drops what an earlier start has built, and does not go on with it.
	Fresh bool
	// From is where to start, and what is below it is copied from the generation that serves. Append-only views only.
	From clickhouse.Vector
	// Keep is how many generations that have served are kept for a rollback.
	Keep int
}

// Result is what came of rebuilding one view.
type Result struct {
	View string
	// Generation is the new one; Serves says whether it has taken over.
	Generation int
	Serves     bool
	// Changed says that it differs from the one before, as was expected.
	Changed bool
}

// Rebuild rebuilds views together: what they share is read and decoded once. It goes on with what an earlier start has
// left. The views that have taken over when an error is returned are among the results.
func (r *Rebuilder) Rebuild(ctx context.Context, views []string, o Options) (results []Result, err error) {
	builds, ctx, err := r.claim(ctx, views)
	defer func() { err = errors.Join(err, r.release(ctx, builds)) }()
	if err != nil {
		return nil, err
	}
	for _, b := range builds {
		if err := b.check(ctx, o); err != nil {
			return nil, err
		}
		if err := b.open(ctx, o); err != nil {
			return nil, fmt.Errorf("rebuilding view %s: %w", b.view.Name, err)
		}
	}
	building := slices.DeleteFunc(slices.Clone(builds), func(b *build) bool { return b.now.State != clickhouse.StateBuilding })
	if err := r.fillHeld(ctx, building); err != nil {
		return nil, err
	}
	for _, b := range builds {
		result, err := b.finish(ctx, o)
		if err != nil {
			return results, fmt.Errorf("rebuilding view %s: %w", b.view.Name, err)
		}
		results = append(results, result)
	}
	return results, nil
}

// claim claims the views, in order, so that two processes that want the same ones do not each hold half. The context
// ends when one of the claims is lost.
func (r *Rebuilder) claim(ctx context.Context, views []string) ([]*build, context.Context, error) {
	var builds []*build
	views = slices.Compact(slices.Sorted(slices.Values(views)))
	for _, name := range views {
		b := &build{r: r}
		var err error
		if b.view, b.contexts, err = r.cfg.viewContexts(name); err != nil {
			return builds, ctx, err
		}
		var held context.Context
		if b.claim, held, err = r.cfg.Projector.DB.Claim(ctx, projector.ClaimName(name), r.cfg.Who, r.cfg.ClaimTime); err != nil {
			return builds, ctx, err
		}
		ctx = held
		builds = append(builds, b)
		r.at(name, Claimed)
	}
	return builds, ctx, nil
}

func (r *Rebuilder) release(ctx context.Context, builds []*build) error {
	var faults []error
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		faults = append(faults, cause) // a claim was lost
	}
	for _, b := range builds {
		faults = append(faults, b.claim.Release(ctx))
	}
	return errors.Join(faults...)
}

// check refuses what cannot work before anything is made.
func (b *build) check(ctx context.Context, o Options) error {
	for _, t := range b.view.Tables {
		if !clickhouse.Placed(t) {
			return fmt.Errorf("rebuild: table %s of view %s has no columns context, partition and offset, by which generations are compared: add them", t.Name(), b.view.Name)
		}
	}
	if len(o.From) == 0 {
		return nil
	}
	serving, found, err := b.r.cfg.Projector.DB.Serving(ctx, b.view.Name)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("rebuild: nothing serves view %s yet that older rows could be copied from: rebuild it from zero", b.view.Name)
	}
	for _, t := range b.view.Tables {
		replaces, err := b.r.cfg.Projector.DB.Replaces(ctx, serving.Table(t.Name()))
		if err != nil {
			return err
		}
		if replaces {
			return fmt.Errorf("rebuild: table %s of view %s keeps only the newest row of each key, so what it held at an earlier moment is gone: "+
				"rebuild it from zero, without --from", t.Name(), b.view.Name)
		}
	}
	return nil
}

// finish has a generation that is filled compared and take over.
func (b *build) finish(ctx context.Context, o Options) (Result, error) {
	result := Result{View: b.view.Name, Generation: b.now.Number}
	var err error
	if b.now.State == clickhouse.StateBuilding {
		if result.Changed, err = b.verify(ctx, o.ExpectChange); err != nil || o.Stage {
			return result, err
		}
		if err := b.r.fillUp(ctx, []*build{b}, (*build).stable); err != nil {
			return result, err
		}
		if err := b.handOver(ctx); err != nil {
			return result, err
		}
	}
	if b.now.State == clickhouse.StateFollowing {
		if o.Stage {
			return result, nil
		}
		if err := b.catchUp(ctx); err != nil {
			return result, err
		}
	}
	if err := b.takeOver(ctx); err != nil {
		return result, err
	}
	result.Serves = true
	return result, b.r.trim(ctx, b, o.Keep)
}
