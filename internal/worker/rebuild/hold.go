package rebuild

import (
	"context"
	"fmt"
)

// heldBlocksMax is for how many blocks merges can be held back: each is a part, and ClickHouse slows down inserts into a
// table of a thousand.
const heldBlocksMax = 800

// fillHeld brings builds to where the generations that serve are, without merges of what nobody reads yet.
//
// A process that dies in between leaves merges held back in tables that nobody shows. Who goes on with them comes by here.
func (r *Rebuilder) fillHeld(ctx context.Context, builds []*build) error {
	var held []*build
	for _, b := range builds {
		left, err := b.left(ctx)
		if err != nil {
			return err
		}
		change := r.cfg.Projector.DB.HoldMerges
		if left/int64(r.cfg.Block) >= heldBlocksMax {
			change = r.cfg.Projector.DB.ReleaseMerges // which an earlier start may have held back
		}
		if err := change(ctx, b.now, b.view); err != nil {
			r.cfg.Log.Warn("merges go on while the generation is filled, which takes longer: may this user ALTER SETTINGS?", "view", b.view.Name, "error", err)
			continue
		}
		held = append(held, b)
	}
	if err := r.fillUp(ctx, builds, (*build).serving); err != nil {
		return err
	}
	for _, b := range held {
		if err := r.cfg.Projector.DB.ReleaseMerges(ctx, b.now, b.view); err != nil {
			return fmt.Errorf("rebuilding view %s: %w: until it succeeds nothing merges its parts; run the same again", b.view.Name, err)
		}
	}
	return nil
}

// left is how many offsets the build is behind the generation that serves.
func (b *build) left(ctx context.Context) (int64, error) {
	v, err := b.serving(ctx)
	return distance(b.at, v), err
}
