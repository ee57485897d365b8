package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"recount/internal/es"
)

// Generation is one filling of a view, from offset zero on. Its number stands in the names of its tables for life.
type Generation struct {
	View     string
	Number   int
	Revision int
	// Incarnation tells this generation from one of the same number in a database that was dropped: it belongs into
	// the names of the consumer groups that fill it.
	Incarnation string
}

// Table returns the physical name of a table of this generation.
func (g Generation) Table(name string) string { return fmt.Sprintf("%s_g%d", name, g.Number) }

// Script is the SQL that makes one generation: its tables, and the public names that show it.
type Script struct {
	Tables []string
	Public []string
}

// Render returns the script of a view's generation, whose tables remember the tokens of the last window inserts.
type Render func(view string, generation, window int) (Script, error)

const stateServing = "serving"

// EnsureView makes the generation of a view that serves: the first one where there is none yet. Two programs may do so
// at once. Its tables remember the tokens of the last window inserts. Rows of another mapping revision than the program's are an error, never mixed.
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
		if g, err = db.create(ctx, v, g.Number, script.Tables); err != nil {
			return g, err
		}
		if err := sameRevision(g, v); err != nil {
			return g, err // another program was faster, with another mapping
		}
	}
	for _, statement := range script.Public {
		if err := db.Exec(ctx, statement); err != nil {
			return g, err
		}
	}
	return g, nil
}

// recordsMax is how many tokens a generation is recorded under before something else must be wrong.
const recordsMax = 3

// create makes the tables, records the generation, and returns what is recorded: ours, or that of a program that was
// faster. A crash between the two is made up for by doing it again. A ClickHouse that was killed may know the token of
// the record and not have the record; that is what the others are for.
func (db *DB) create(ctx context.Context, v es.View, number int, tables []string) (Generation, error) {
	for _, statement := range tables {
		if err := db.Exec(ctx, statement); err != nil {
			return Generation{}, err
		}
	}
	for n := range recordsMax {
		settings := insertSettings(fmt.Sprintf("generation %s/%d/0/%d", v.Name, number, n))
		err := db.Exec(withSettings(ctx, settings), "INSERT INTO generations (view, generation, change, revision, state, incarnation) VALUES (?, ?, 0, ?, ?, ?)",
			v.Name, number, v.Revision, stateServing, uuid.NewString())
		if err != nil {
			return Generation{}, err
		}
		if g, found, err := db.Serving(ctx, v.Name); found || err != nil {
			return g, err
		}
	}
	return Generation{}, errors.New("its generation was written and is not there")
}

// Serving returns the generation of a view that its public names show.
func (db *DB) Serving(ctx context.Context, view string) (g Generation, found bool, err error) {
	var rows []struct {
		Generation  uint32 `ch:"generation"`
		Revision    uint32 `ch:"revision"`
		Incarnation string `ch:"incarnation"`
	}
	err = db.Select(ctx, &rows, `
		SELECT generation, argMax(revision, change) AS revision, toString(argMax(incarnation, change)) AS incarnation
		FROM generations WHERE view = ? GROUP BY generation HAVING argMax(state, change) = ? ORDER BY generation DESC LIMIT 1`,
		view, stateServing)
	if err != nil || len(rows) == 0 {
		return g, false, err
	}
	r := rows[0]
	return Generation{View: view, Number: int(r.Generation), Revision: int(r.Revision), Incarnation: r.Incarnation}, true, nil
}

// sameRevision keeps the rows of two mappings apart: a token would drop the new row for the old one of the same range.
func sameRevision(g Generation, v es.View) error {
	switch {
	case v.Revision > g.Revision:
		return fmt.Errorf("clickhouse: generation %d of view %s was filled by revision %d of its mapping, this program has revision %d: "+
			"rebuild it (projectors rebuild %s), or run the older program until then", g.Number, v.Name, g.Revision, v.Revision, v.Name)
	case v.Revision < g.Revision:
		return fmt.Errorf("clickhouse: generation %d of view %s was filled by revision %d of its mapping, this program has the older "+
			"revision %d: run the newer program, or roll back (projectors rollback %s)", g.Number, v.Name, g.Revision, v.Revision, v.Name)
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
