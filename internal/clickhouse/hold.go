package clickhouse

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/es"
)

// HoldMerges has the tables of a generation that is being filled take inserts and do nothing else: their parts are not
// merged, and each is one file instead of several a column, so that an insert syncs a few files and not forty. Merging
// while it is filled would write most rows twice or three times, on the processors that the filling needs. Nobody reads
// such a generation. It is written into the tables and holds until ReleaseMerges, whoever dies.
//
// Replicas have such settings each for itself, so where there are several it does nothing.
func (db *DB) HoldMerges(ctx context.Context, g Generation, v es.View) error {
	// A merge may bring so many bytes together: none has so few.
	return db.alterSettings(ctx, g, v, "MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, min_bytes_for_wide_part = 1000000000000")
}

// ReleaseMerges has ClickHouse merge the generation's parts, as far as it thinks fit: it begins at once, in the background.
func (db *DB) ReleaseMerges(ctx context.Context, g Generation, v es.View) error {
	return db.alterSettings(ctx, g, v, "RESET SETTING max_bytes_to_merge_at_max_space_in_pool, min_bytes_for_wide_part")
}

func (db *DB) alterSettings(ctx context.Context, g Generation, v es.View, how string) error {
	if db.cfg.Replicated {
		return nil
	}
	var faults []error
	for _, t := range v.Tables {
		if err := db.Exec(ctx, fmt.Sprintf("ALTER TABLE %s.%s %s", db.cfg.Database, g.Table(t.Name()), how)); err != nil {
			faults = append(faults, fmt.Errorf("changing when parts of table %s are merged: %w", g.Table(t.Name()), err))
		}
	}
	return errors.Join(faults...)
}
