package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"recount/internal/es"
)

// Mending is what rows of a table should be.
type Mending struct {
	Context   string
	Partition int32
	// Offsets are those that the rows may come from; Rows, a *[]R, what they should be.
	Offsets []int64
	Rows    any
	// Shadow is the name of a table that holds the rows meanwhile, and Until when inserting them is given up.
	Shadow string
	Until  time.Time
}

// Mend makes the rows of some offsets in a table of a generation what they should be, and returns of how many offsets
// they were otherwise. The rows are put into a table beside it and compared there, by ClickHouse: what a value becomes in
// a column is for ClickHouse to say.
func (db *DB) Mend(ctx context.Context, v es.View, g Generation, table string, m Mending) (wrong int, err error) {
	i := slices.IndexFunc(v.Tables, func(t es.AnyTable) bool { return t.Name() == table })
	physical := db.cfg.Database + "." + g.Table(table)
	shadow := db.cfg.Database + "." + m.Shadow
	if err := db.Exec(ctx, fmt.Sprintf("CREATE TABLE %s AS %s", shadow, physical)); err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, db.Exec(context.WithoutCancel(ctx), "DROP TABLE IF EXISTS "+shadow+" SYNC"))
	}()
	columns, final, err := db.describe(ctx, g.Table(table))
	if err != nil {
		return 0, err
	}
	var written []tableColumn
	for name, kind := range columns {
		if slices.Contains(columnNames(v.Tables[i]), name) {
			written = append(written, tableColumn{Name: name, Type: kind})
		}
	}
	l, err := newLayout(m.Shadow, reflect.TypeOf(m.Rows).Elem().Elem(), written)
	if err != nil {
		return 0, err
	}
	p := piece{table: sinkTable{name: m.Shadow, layout: l, insert: insertStatement(db.cfg.Database, m.Shadow, l.types)}, rows: m.Rows, count: Count(m.Rows)}
	if p.count > 0 {
		if err := (&Sink{db: db}).send(ctx, p, m.Until); err != nil {
			return 0, err
		}
	}
	offsets, err := db.differing(ctx, physical, shadow, final, "`"+strings.Join(columnNames(v.Tables[i]), "`, `")+"`", m)
	if err != nil || len(offsets) == 0 {
		return 0, err
	}
	where := fmt.Sprintf("context = '%s' AND partition = %d AND offset IN (%s)", m.Context, m.Partition, joined(offsets))
	if err := db.patient().Exec(ctx, fmt.Sprintf("ALTER TABLE %s DELETE WHERE %s SETTINGS mutations_sync = 1", physical, where)); err != nil {
		return 0, err
	}
	err = db.Exec(withSettings(ctx, insertSettings("mend "+m.Shadow)), fmt.Sprintf("INSERT INTO %s SELECT * FROM %s %s WHERE %s", physical, shadow, final, where))
	return len(offsets), err
}

// differing finds the offsets whose rows are not the same in both tables.
func (db *DB) differing(ctx context.Context, a, b, final, columns string, m Mending) ([]int64, error) {
	side := func(table string, n int) string {
		return fmt.Sprintf("SELECT offset, cityHash64(%s) AS h, %d AS side FROM %s %s WHERE context = '%s' AND partition = %d AND offset IN (%s)",
			columns, n, table, final, m.Context, m.Partition, joined(m.Offsets))
	}
	var rows []struct {
		Offset int64 `ch:"offset"`
	}
	err := db.patient().Select(ctx, &rows, fmt.Sprintf(`SELECT offset FROM (%s UNION ALL %s) GROUP BY offset
		HAVING countIf(side = 0) != countIf(side = 1) OR sumIf(h, side = 0) != sumIf(h, side = 1) ORDER BY offset`, side(a, 0), side(b, 1)))
	var out []int64
	for _, r := range rows {
		out = append(out, r.Offset)
	}
	return out, err
}

func joined(offsets []int64) string {
	texts := make([]string, len(offsets))
	for i, o := range offsets {
		texts[i] = fmt.Sprint(o)
	}
	return strings.Join(texts, ", ")
}
