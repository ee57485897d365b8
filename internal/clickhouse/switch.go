package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrNoSwitch says that no generation of a view is about to serve.
var ErrNoSwitch = errors.New("clickhouse: no generation is about to serve")

// FinishSwitch points the public names of a view at the generation that is switching, one by one, and then records that
// it serves and that the one before is kept, in one insert. Done again after a crash, or by two at once, it comes to the
// same. replaced, if given, is told after each name. It returns the generation that serves, and how long the names of
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
	for n, statement := range public {
		if err := db.Exec(ctx, statement); err != nil {
			return g, time.Since(began), fmt.Errorf("pointing view %s at generation %d: %w", view, g.Number, err)
		}
		if replaced != nil {
			replaced(n)
		}
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
