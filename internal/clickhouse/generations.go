package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Generation is one filling of a view. Its number stands in the names of its tables for life.
type Generation struct {
	View     string
	Number   int
	Revision int
	// Incarnation tells this generation from one of the same number in a database that was dropped: it belongs into
	// the names of the consumer groups that fill it.
	Incarnation string
	State       State
	// Changes is how often its state has changed; Changed when it last did, in Unix milliseconds.
	Changes int
	Changed int64
}

// State is what a generation is at. It goes down this list, except that a kept one may follow again for a rollback.
type State string

// The states of a generation. Their strings are in the database for ever.
const (
	// StateBuilding is filled by a rebuild, and by nobody else.
	StateBuilding State = "building"
	// StateFollowing is kept up to date by the projectors, and shown to nobody yet.
	StateFollowing State = "following"
	// StateSwitching is about to serve: some public names show it already. Whoever finds it finishes the switch.
	StateSwitching State = "switching"
	// StateServing is what the public names show.
	StateServing State = "serving"
	// StateKept has served and waits for a rollback.
	StateKept State = "kept"
	// StateDropped has lost its tables. Its number is never used again.
	StateDropped State = "dropped"
)

// Followed says whether projectors keep a generation in this state up to date.
func (s State) Followed() bool {
	return s == StateFollowing || s == StateSwitching || s == StateServing
}

// Table returns the physical name of a table of this generation.
func (g Generation) Table(name string) string { return fmt.Sprintf("%s_g%d", name, g.Number) }

// String names the generation for people.
func (g Generation) String() string { return fmt.Sprintf("generation %d of view %s", g.Number, g.View) }

// Script is the SQL that makes one generation: its tables, and the public names that show it.
type Script struct {
	Tables []string
	Public []string
}

// Render returns the script of a view's generation, whose tables remember the tokens of the last window inserts.
type Render func(view string, generation, window int) (Script, error)

// Generations returns every generation of a view there ever was, oldest first.
func (db *DB) Generations(ctx context.Context, view string) ([]Generation, error) {
	var rows []struct {
		Generation  uint32    `ch:"generation"`
		Revision    uint32    `ch:"revision"`
		State       string    `ch:"state"`
		Incarnation string    `ch:"incarnation"`
		Change      uint32    `ch:"newest"`
		Changed     time.Time `ch:"changed"`
	}
	err := db.Select(ctx, &rows, `
		SELECT generation, argMax(revision, change) AS revision, argMax(state, change) AS state, toString(argMax(incarnation, change)) AS incarnation,
			max(change) AS newest, argMax(changed_at, change) AS changed
		FROM generations WHERE view = ? GROUP BY generation ORDER BY generation`, view)
	if err != nil {
		return nil, fmt.Errorf("reading the generations of view %s: %w", view, err)
	}
	out := make([]Generation, len(rows))
	for i, r := range rows {
		out[i] = Generation{
			View: view, Number: int(r.Generation), Revision: int(r.Revision), Incarnation: r.Incarnation,
			State: State(r.State), Changes: int(r.Change), Changed: r.Changed.UnixMilli(),
		}
	}
	return out, nil
}

// Serving returns the generation of a view that its public names show.
func (db *DB) Serving(ctx context.Context, view string) (g Generation, found bool, err error) {
	all, err := db.Generations(ctx, view)
	if err != nil {
		return g, false, err
	}
	g, found = In(all, StateServing)
	return g, found, nil
}

// In returns the newest of generations, which are in order, that is in a state.
func In(all []Generation, state State) (Generation, bool) {
	for _, g := range slices.Backward(all) {
		if g.State == state {
			return g, true
		}
	}
	return Generation{}, false
}

// Birth is what a generation is made with.
type Birth struct {
	State  State
	Script Script
	// Plan says how it is to be filled, to whoever goes on with that. It is the caller's text.
	Plan string
}

// NewGeneration makes the tables of a view's generation and records it, and returns what is recorded: ours, or that of a
// program that was faster. A crash between the two is made up for by doing it again.
func (db *DB) NewGeneration(ctx context.Context, view string, number, revision int, b Birth) (Generation, error) {
	for _, statement := range db.cfg.statements(b.Script.Tables) {
		if err := db.Exec(ctx, statement); err != nil {
			return Generation{}, fmt.Errorf("making the tables of generation %d of view %s: %w", number, view, err)
		}
	}
	made, err := db.record(ctx, change{
		Generation: Generation{View: view, Number: number, Revision: revision, Incarnation: uuid.NewString(), Changes: -1}, to: b.State,
		objects: objectsOf(b.Script.Tables), public: b.Script.Public, plan: b.Plan,
	})
	if err != nil {
		return Generation{}, err
	}
	return made[0], nil
}

// Move changes a generation's state.
func (db *DB) Move(ctx context.Context, g Generation, to State) (Generation, error) {
	moved, err := db.record(ctx, change{Generation: g, to: to})
	if err != nil {
		return g, err
	}
	return moved[0], nil
}

// change is a generation, as it was read, and the state it comes to.
type change struct {
	Generation
	to      State
	objects []string
	public  []string
	plan    string
}

// recordsMax is how many tokens a change is recorded under before something else must be wrong.
const recordsMax = 3

// record writes changes of one view's generations down, all or none, and returns how they stand then. A program that
// makes the same changes at the same time uses the same token: one of the two is dropped, and both have happened. A
// ClickHouse that was killed may know the token and not have the rows; that is what further tokens are for.
func (db *DB) record(ctx context.Context, changes ...change) ([]Generation, error) {
	statement, token := "INSERT INTO generations (view, generation, change, revision, state, incarnation, objects, public, plan) VALUES ", "generations "+changes[0].View
	var args []any
	for i, c := range changes {
		if i > 0 {
			statement += ", "
		}
		statement += "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
		token += fmt.Sprintf(" %d/%d", c.Number, c.Changes+1)
		args = append(args, c.View, c.Number, c.Changes+1, c.Revision, string(c.to), c.Incarnation, c.objects, c.public, c.plan)
	}
	for n := range recordsMax {
		if err := db.Exec(withSettings(ctx, insertSettings(fmt.Sprintf("%s/%d", token, n))), statement, args...); err != nil {
			return nil, fmt.Errorf("recording generations of view %s: %w", changes[0].View, err)
		}
		all, err := db.Generations(ctx, changes[0].View)
		if err != nil {
			return nil, err
		}
		if now, there, err := recorded(changes, all); there || err != nil {
			return now, err
		}
	}
	return nil, fmt.Errorf("clickhouse: generation %d of view %s was written and is not there", changes[0].Number, changes[0].View)
}

// recorded says whether changes are among what was read back. Those that came to another state were somebody else's.
func recorded(changes []change, all []Generation) (now []Generation, there bool, err error) {
	for _, c := range changes {
		i := slices.IndexFunc(all, func(g Generation) bool { return g.Number == c.Number })
		if i < 0 || all[i].Changes <= c.Changes {
			return nil, false, nil
		}
		if all[i].Changes > c.Changes+1 || all[i].State != c.to {
			return nil, false, fmt.Errorf("clickhouse: %s is %s by now: another program has changed it at the same moment; look at it and try again", all[i], all[i].State)
		}
		now = append(now, all[i])
	}
	return now, true, nil
}

// birth reads what a generation was made with.
func (db *DB) birth(ctx context.Context, g Generation) (objects, public []string, plan string, err error) {
	err = db.Row(ctx, "SELECT argMin(objects, change), argMin(public, change), argMin(plan, change) FROM generations WHERE view = ? AND generation = ?",
		g.View, g.Number).Scan(&objects, &public, &plan)
	if err != nil {
		return nil, nil, "", fmt.Errorf("reading what %s is made of: %w", g, err)
	}
	if len(objects) == 0 || len(public) == 0 {
		return nil, nil, "", fmt.Errorf("clickhouse: it is not recorded what %s is made of: it is older than rebuilds; rebuild the view", g)
	}
	return objects, public, plan, nil
}

// Plan returns what a generation is to be filled by, as NewGeneration was told.
func (db *DB) Plan(ctx context.Context, g Generation) (string, error) {
	_, _, plan, err := db.birth(ctx, g)
	return plan, err
}

// objectsOf returns the names that statements make: CREATE TABLE IF NOT EXISTS database.name.
func objectsOf(statements []string) []string {
	var out []string
	for _, s := range statements {
		words := strings.Fields(s)
		i := slices.Index(words, "EXISTS")
		if i < 0 || i+1 == len(words) {
			continue
		}
		name, _, _ := strings.Cut(words[i+1], "(")
		out = append(out, name[strings.LastIndex(name, ".")+1:])
	}
	return out
}

// Drop takes a generation's tables away for good. One that serves, or is about to, is refused.
func (db *DB) Drop(ctx context.Context, g Generation) error {
	if g.State == StateServing || g.State == StateSwitching {
		return fmt.Errorf("clickhouse: %s is %s: what is shown can't be dropped", g, g.State)
	}
	objects, _, _, err := db.birth(ctx, g)
	if err != nil {
		return err
	}
	if g.State != StateDropped { // a crash behind this leaves tables that nobody uses, and that dropping again takes away
		if _, err := db.Move(ctx, g, StateDropped); err != nil {
			return err
		}
	}
	var faults []error
	for _, name := range slices.Backward(objects) { // materialized views before the tables they write to
		faults = append(faults, db.Exec(ctx, "DROP TABLE IF EXISTS "+db.cfg.Database+"."+name+" SYNC"))
	}
	faults = append(faults, db.forgetParked(ctx, g))
	return errors.Join(faults...)
}
