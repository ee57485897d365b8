package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
)

// verify compares what was built with what serves, table by table, each at one vector for both, and returns whether they
// differ. Nothing stops for it: the generation that serves goes on, and is compared as it was.
//
// A table that is appended to is compared below the vector that the build stands at, which lies behind it for good. Of a
// table that keeps newest rows, what it was a moment ago is gone the next; so it is frozen under another name, which
// costs nothing, and the build is brought to exactly the vector at which it was frozen.
func (b *build) verify(ctx context.Context, expectChange bool) (changed bool, err error) {
	if b.old.Number == 0 || b.r.cfg.Without&GuardCompare != 0 {
		return false, nil
	}
	var differences []error
	for _, t := range b.view.Tables {
		began := time.Now()
		c, err := b.compare(ctx, t)
		if err != nil {
			return false, err
		}
		b.r.cfg.Observer.Compared(b.view.Name, c, time.Since(began))
		if !c.Equal() {
			differences = append(differences, errors.New(c.String()))
		}
	}
	b.r.at(b.view.Name, Compared)
	if len(differences) == 0 || expectChange {
		return len(differences) > 0, nil
	}
	return true, b.unexpected(errors.Join(differences...))
}

// ErrDiffers says that what was built is not what serves, and nobody has said that it should be otherwise.
var ErrDiffers = errors.New("it differs from the generation that serves")

// unexpected says what to do about a difference.
func (b *build) unexpected(difference error) error {
	advice := fmt.Sprintf("revision %d of its mapping takes the place of revision %d: if this is the change that was meant", b.view.Revision, b.old.Revision)
	if b.view.Revision == b.old.Revision {
		advice = fmt.Sprintf("both were filled by revision %d of its mapping, which must give the same rows for ever. If the mapping was changed, raise its Revision. "+
			"If generation %d was damaged", b.view.Revision, b.old.Number)
	}
	return fmt.Errorf("generation %d of view %s is built, and serves nobody: %w:\n%w\n%s, run the same again with --expect-change",
		b.now.Number, b.view.Name, ErrDiffers, difference, advice)
}

func (b *build) compare(ctx context.Context, t es.AnyTable) (c clickhouse.Comparison, err error) {
	db := b.r.cfg.Projector.DB
	old := clickhouse.Side{Table: b.old.Table(t.Name()), Of: fmt.Sprintf("generation %d", b.old.Number)}
	now := clickhouse.Side{Table: b.now.Table(t.Name()), Of: fmt.Sprintf("generation %d", b.now.Number)}
	replaces, err := db.Replaces(ctx, old.Table)
	if err != nil {
		return c, err
	}
	if !replaces {
		if err := b.awaitOld(ctx); err != nil {
			return c, err
		}
		return db.Compare(ctx, t, old, now, b.at)
	}
	before, err := b.serving(ctx)
	if err != nil {
		return c, err
	}
	frozen := old.Table + "_frozen"
	v, err := db.Freeze(ctx, old.Table, frozen)
	if err != nil {
		return c, err
	}
	old.Table = frozen
	defer func() { err = errors.Join(err, db.Thaw(context.WithoutCancel(ctx), frozen)) }()
	b.r.at(b.view.Name, Frozen)
	for context, partitions := range before {
		for p, next := range partitions {
			v.Raise(context, p, next)
		}
	}
	if err := b.r.fill(ctx, map[*build]clickhouse.Vector{b: v}); err != nil {
		return c, err
	}
	return db.Compare(ctx, t, old, now, b.at)
}

const (
	awaitPause = 20 * time.Millisecond
	// oldPatience is how long the generation that serves may stay behind rows that it has shown.
	oldPatience = 30 * time.Second
)

// awaitOld waits until the generation that serves says that it is where the build is. That may be a moment after its
// rows were seen, and the rows of its other tables may come after them.
func (b *build) awaitOld(ctx context.Context) error {
	for began := time.Now(); ; {
		reached, err := b.r.cfg.Projector.DB.Vector(ctx, b.old)
		if err != nil {
			return err
		}
		if distance(reached, b.at) == 0 {
			return nil
		}
		if left := distance(reached, b.at); time.Since(began) > oldPatience {
			return fmt.Errorf("generation %d of view %s, which serves, is %d records behind rows of its own and does not go on, so there is no vector at which "+
				"it could be compared: start its projectors (projectors run) until it has caught up", b.old.Number, b.view.Name, left)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(awaitPause):
		}
	}
}
