package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// ErrNoSwitch says that no generation of a view is about to serve.
var ErrNoSwitch = errors.New("clickhouse: no generation is about to serve")

// FinishSwitch points the public names of a view at the generation that is switching, each by itself, and then records that
// it serves and that the one before is kept, in one insert. Done again after a crash, or by two at once, it comes to the
// same. replaced, if given, is told after each name, one call at a time. It returns the generation that serves, and how long the names of
// the view may have shown different generations.
func (db *DB) FinishSwitch(ctx context.Context, view string, replaced func(n int)) (Generation, time.Duration, error) {
	all, err := db.Generations(ctx, view)
	if err != nil {
		return Generation{}, 0, err
	}
	g, found := In(all, StateSwitching)
	if !found {
		return Generation{}, 0, fmt.Errorf("%w: view %s", ErrNoSwitch, view)
	}
	_, public, _, err := db.birth(ctx, g)
	if err != nil {
		return g, 0, err
	}
	began := time.Now()
	if err := db.replace(ctx, public, replaced); err != nil {
		return g, time.Since(began), fmt.Errorf("pointing view %s at generation %d: %w", view, g.Number, err)
	}
	took := time.Since(began)
	changes := []change{{Generation: g, to: StateServing}}
	if old, found := In(all, StateServing); found {
		changes = append(changes, change{Generation: old, to: StateKept})
	}
	now, err := db.record(ctx, changes...)
	if err != nil {
		return g, took, err
	}
	return now[0], took, nil
}

// replaceWidth is how many names are replaced at a time: on a busy server each waits for its turn.
const replaceWidth = 4

// replace carries out the statements that replace names, several at a time. What fails is done again, in order: one name may
// be a question to another, and need what that is about to show.
func (db *DB) replace(ctx context.Context, public []string, replaced func(n int)) error {
	var g errgroup.Group
	g.SetLimit(replaceWidth)
	var mu sync.Mutex
	done := make([]bool, len(public))
	try := func(n int) error {
		if err := db.Exec(ctx, public[n]); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		done[n] = true
		if replaced != nil {
			replaced(n)
		}
		return nil
	}
	for n := range public {
		g.Go(func() error { return try(n) })
	}
	if g.Wait() == nil {
		return nil
	}
	for n := range public {
		if done[n] {
			continue
		}
		if err := try(n); err != nil {
			return err
		}
	}
	return nil
}
