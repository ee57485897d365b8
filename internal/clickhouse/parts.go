package clickhouse

import (
	"context"
	"fmt"
)

// TableParts is a table with its active parts: those a question reads. Each insert brings one, and merges make few of many.
type TableParts struct {
	Table string `ch:"table"`
	Parts uint64 `ch:"parts"`
}

// Parts counts the active parts of every table of the database that has any.
func (db *DB) Parts(ctx context.Context) ([]TableParts, error) {
	var out []TableParts
	err := db.Select(ctx, &out, "SELECT name AS table, assumeNotNull(active_parts) AS parts FROM system.tables WHERE database = ? AND active_parts > 0 ORDER BY name", db.cfg.Database)
	if err != nil {
		return nil, fmt.Errorf("counting the parts of the tables: %w", err)
	}
	return out, nil
}
