package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"recount/internal/es"
)

// ErrRevision says that the generation of a view that serves was filled by another revision of its mapping.
var ErrRevision = errors.New("another revision of the mapping")

// ErrUnserved says that there are generations of a view and none of them serves.
var ErrUnserved = errors.New("no generation serves")

// EnsureView makes the generation of a view that serves: the first one where there is none yet. Two programs may do so
// at once. Its tables remember the tokens of the last window inserts. Rows of another mapping revision than the
// program's are an error (ErrRevision), never mixed.
func (db *DB) EnsureView(ctx context.Context, v es.View, window int, render Render) (g Generation, err error) {
	err = db.cfg.again(ctx, func() (err error) { g, err = db.ensureView(ctx, v, window, render); return err })
	if err != nil {
		return g, fmt.Errorf("preparing view %s: %w", v.Name, err)
	}
	return g, nil
}

func (db *DB) ensureView(ctx context.Context, v es.View, window int, render Render) (Generation, error) {
	g, found, err := db.Serving(ctx, v.Name)
	if err != nil {
		return g, err
	}
	if found {
		if err := errors.Join(sameRevision(g, v), db.tablesExist(ctx, g, v)); err != nil {
			return g, err
		}
	} else {
		g = Generation{View: v.Name, Number: 1}
	}
	script, err := render(v.Name, g.Number, window)
	if err != nil {
		return g, err
	}
	if !found {
		if g, err = db.first(ctx, v, script); err != nil {
			return g, err
		}
		if err := sameRevision(g, v); err != nil {
			return g, err // another program was faster, with another mapping
		}
	}
	return g, db.show(ctx, g, script.Public)
}

// first makes the first generation of a view. It serves at once: there is nothing it could take over from.
func (db *DB) first(ctx context.Context, v es.View, s Script) (Generation, error) {
	all, err := db.Generations(ctx, v.Name)
	if err != nil {
		return Generation{}, err
	}
	for _, g := range all {
		if g.State != StateServing { // a rebuild began before there was a view: its generation will be the first to serve
			return g, fmt.Errorf("clickhouse: %w, %s is %s: let projectors rebuild %s finish", ErrUnserved, g, g.State, v.Name)
		}
	}
	return db.NewGeneration(ctx, v.Name, 1, v.Revision, Birth{State: StateServing, Script: s})
}

// show points the public names at g, which serves. A switch may take place at the same moment: a name that was pointed
// back by us is then pointed forward again, by what the records say afterwards. Whoever switches writes down first what
// to (switching), then replaces names; so either the records tell of it when we look again, or we are done before the
// first name is replaced.
func (db *DB) show(ctx context.Context, g Generation, statements []string) error {
	if err := db.execAll(ctx, statements); err != nil {
		return err
	}
	for {
		all, err := db.Generations(ctx, g.View)
		if err != nil {
			return err
		}
		target, found := In(all, StateSwitching)
		if !found {
			target, found = In(all, StateServing)
		}
		if !found || target.Number == g.Number {
			return nil
		}
		_, public, _, err := db.birth(ctx, target)
		if err != nil {
			return err
		}
		if err := db.execAll(ctx, public); err != nil {
			return err
		}
		g = target
	}
}

func (db *DB) execAll(ctx context.Context, statements []string) error {
	for _, s := range statements {
		if err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// sameRevision keeps the rows of two mappings apart: a token would drop the new row for the old one of the same range.
func sameRevision(g Generation, v es.View) error {
	switch {
	case v.Revision > g.Revision:
		return fmt.Errorf("clickhouse: %w: generation %d of view %s was filled by revision %d of its mapping, this program has revision %d: "+
			"rebuild it (projectors rebuild %s), or run the older program until then", ErrRevision, g.Number, v.Name, g.Revision, v.Revision, v.Name)
	case v.Revision < g.Revision:
		return fmt.Errorf("clickhouse: %w: generation %d of view %s was filled by revision %d of its mapping, this program has the older "+
			"revision %d: run the newer program, or roll back (projectors rollback %s)", ErrRevision, g.Number, v.Name, g.Revision, v.Revision, v.Name)
	}
	return nil
}

// tablesExist notices tables that were dropped behind our back. Making them anew would serve a view that lacks
// everything up to now.
func (db *DB) tablesExist(ctx context.Context, g Generation, v es.View) error {
	var missing []string
	for _, t := range v.Tables {
		var n uint64
		name := g.Table(t.Name())
		err := db.Row(ctx, "SELECT count() FROM system.tables WHERE database = ? AND name = ?", db.cfg.Database, name).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("clickhouse: %s of generation %d of view %s is gone from database %s: restore it, or rebuild the view "+
			"(projectors rebuild %s)", strings.Join(missing, ", "), g.Number, v.Name, db.cfg.Database, v.Name)
	}
	return nil
}
