package clickhouse

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"recount/internal/es"
)

// Placed says whether the rows of a table tell which context, partition and offset they came from.
func Placed(t es.AnyTable) bool {
	names := columnNames(t)
	return slices.Contains(names, "context") && slices.Contains(names, "partition") && slices.Contains(names, "offset")
}

// Replaces says whether a table keeps only the newest row of each key.
func (db *DB) Replaces(ctx context.Context, table string) (bool, error) {
	e, err := db.engineOf(ctx, table)
	return e.replaces(), err
}

// CopyRows empties a table and copies into it the rows of another below a vector. Columns that the other lacks get their
// defaults. It is many inserts and no range: whoever is killed in it does it again, under another token.
func (db *DB) CopyRows(ctx context.Context, t es.AnyTable, from, to string, below Vector) error {
	if err := db.Exec(ctx, fmt.Sprintf("TRUNCATE TABLE %s.%s SYNC", db.cfg.Database, to)); err != nil {
		return fmt.Errorf("emptying table %s: %w", to, err)
	}
	there, _, err := db.describe(ctx, from)
	if err != nil {
		return err
	}
	var columns []string
	for _, name := range columnNames(t) {
		if _, ok := there[name]; ok {
			columns = append(columns, "`"+name+"`")
		}
	}
	list := strings.Join(columns, ", ")
	err = db.patient().Exec(withSettings(ctx, insertSettings("copy "+uuid.NewString())), fmt.Sprintf("INSERT INTO %[1]s.%[2]s (%[3]s) SELECT %[3]s FROM %[1]s.%[4]s WHERE %[5]s",
		db.cfg.Database, to, list, from, below.condition()))
	if err != nil {
		return fmt.Errorf("copying rows of table %s to %s: %w", from, to, err)
	}
	return nil
}
