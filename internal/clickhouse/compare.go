package clickhouse

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"recount/internal/es"
)

// Vector is a place in every partition of every context: the first offset that does not count.
type Vector map[string]map[int32]int64

// Raise moves the vector up to next in one partition, if it is below.
func (v Vector) Raise(context string, partition int32, next int64) {
	if v[context] == nil {
		v[context] = map[int32]int64{}
	}
	v[context][partition] = max(v[context][partition], next)
}

// Comparison is what two tables have in common, up to a vector, and what not.
type Comparison struct {
	Table string
	// Rows is how many the old table has below the vector.
	Rows uint64
	// Added, Removed and Retyped are columns that one of them lacks, or has with another type.
	Added, Removed, Retyped []string
	// Partitions are those whose rows differ in the columns they share; Columns says in which.
	Partitions []PartitionDifference
	Columns    []string
	// Examples are a few of the rows, for people.
	Examples []string
}

// PartitionDifference counts the rows of a partition that differs.
type PartitionDifference struct {
	Context   string
	Partition int32
	Old, New  uint64
}

// Equal says whether there is no difference.
func (c Comparison) Equal() bool {
	return len(c.Added)+len(c.Removed)+len(c.Retyped)+len(c.Partitions) == 0
}

// String tells the difference, in lines.
func (c Comparison) String() string {
	var b strings.Builder
	for _, of := range []struct {
		what    string
		columns []string
	}{{"new columns", c.Added}, {"columns that are gone", c.Removed}, {"columns of another type", c.Retyped}, {"columns that differ", c.Columns}} {
		if len(of.columns) > 0 {
			fmt.Fprintf(&b, "\n  %s: %s: %s", c.Table, of.what, strings.Join(of.columns, ", "))
		}
	}
	for i, p := range c.Partitions {
		if i == differencesMax {
			fmt.Fprintf(&b, "\n  %s: and %d more partitions", c.Table, len(c.Partitions)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s: %s/%d: %d rows before, %d now", c.Table, p.Context, p.Partition, p.Old, p.New)
	}
	for _, e := range c.Examples {
		fmt.Fprintf(&b, "\n  %s: %s", c.Table, e)
	}
	return strings.TrimPrefix(b.String(), "\n")
}

const (
	// differencesMax bounds what is told to people.
	differencesMax = 5
	examplesMax    = 3
	// compareTimeout bounds one query over a whole table.
	compareTimeout = time.Hour
)

// Side is one of two tables that are compared: its name, without the database, and whose it is, for messages.
type Side struct{ Table, Of string }

// Compare compares the rows below at of two tables that hold the rows of t: how many there are in each partition, and a
// hash over the columns that t's rows have. Of a table that keeps the newest row of each key, the newest counts.
func (db *DB) Compare(ctx context.Context, t es.AnyTable, old, now Side, at Vector) (Comparison, error) {
	c := comparison{db: db.patient(), written: columnNames(t), sides: [2]Side{old, now}, where: at.condition()}
	out, err := c.run(ctx, t.Name())
	if err != nil {
		return out, fmt.Errorf("comparing table %s with %s: %w", old.Table, now.Table, err)
	}
	return out, nil
}

// patient is db with time for a query over everything.
func (db *DB) patient() *DB {
	p := *db
	p.cfg.QueryTimeout = compareTimeout
	return &p
}

// columnNames are the columns that the rows of a table have; others are made by ClickHouse, and need not be equal.
func columnNames(t es.AnyTable) []string {
	var out []string
	for f := range reflect.TypeOf(t.NewRows()).Elem().Elem().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get(tagName), ",")
		out = append(out, name)
	}
	return out
}

// condition is what holds for the rows below the vector.
func (v Vector) condition() string {
	var each []string
	for _, context := range slices.Sorted(maps.Keys(v)) {
		var partitions, offsets []string
		for _, p := range slices.Sorted(maps.Keys(v[context])) {
			partitions, offsets = append(partitions, fmt.Sprint(p)), append(offsets, fmt.Sprint(v[context][p]))
		}
		if len(partitions) > 0 {
			each = append(each, fmt.Sprintf("context = '%s' AND offset < transform(partition, [%s]::Array(Int32), [%s]::Array(Int64), 0::Int64)",
				context, strings.Join(partitions, ","), strings.Join(offsets, ",")))
		}
	}
	if len(each) == 0 {
		return "0"
	}
	return "((" + strings.Join(each, ") OR (") + "))"
}

type comparison struct {
	db      *DB
	written []string
	sides   [2]Side
	where   string

	final  [2]string // FINAL where only the newest row of a key counts
	shared []string  // expressions of the columns that both have
	names  []string  // of those
}

func (c *comparison) run(ctx context.Context, table string) (Comparison, error) {
	out := Comparison{Table: table}
	var columns [2]map[string]string
	for i, side := range c.sides {
		var err error
		if columns[i], c.final[i], err = c.db.describe(ctx, side.Table); err != nil {
			return out, err
		}
	}
	c.share(columns, &out)
	var sums [2]map[place]rowsSum
	for i := range c.sides {
		var err error
		if sums[i], err = c.sums(ctx, i); err != nil {
			return out, err
		}
	}
	for _, p := range places(sums) {
		old, now := sums[0][p], sums[1][p]
		out.Rows += old.rows
		if old != now {
			out.Partitions = append(out.Partitions, PartitionDifference{p.context, p.partition, old.rows, now.rows})
		}
	}
	if len(out.Partitions) == 0 {
		return out, nil
	}
	return out, c.explain(ctx, &out)
}

// describe returns the types of a table's columns, and FINAL if it keeps the newest row of each key.
func (db *DB) describe(ctx context.Context, table string) (types map[string]string, final string, err error) {
	e, err := db.engineOf(ctx, table)
	if err != nil {
		return nil, "", err
	}
	if e.replaces() {
		final = "FINAL"
	}
	var columns []tableColumn
	err = db.Select(ctx, &columns, "SELECT name, type, default_kind FROM system.columns WHERE database = ? AND table = ?", db.cfg.Database, table)
	types = map[string]string{}
	for _, c := range columns {
		types[c.Name] = c.Type
	}
	return types, final, err
}

// share sorts the columns: those that the new rows have and the old table too are compared.
func (c *comparison) share(columns [2]map[string]string, out *Comparison) {
	for _, name := range c.written {
		old, inOld := columns[0][name]
		now, inNew := columns[1][name]
		quoted := "`" + name + "`"
		switch {
		case inOld && inNew && old == now:
		case inOld && inNew:
			out.Retyped = append(out.Retyped, name)
			quoted = "toString(" + quoted + ")"
		default:
			out.Added = append(out.Added, name)
			continue
		}
		c.names, c.shared = append(c.names, name), append(c.shared, quoted)
	}
	for _, name := range slices.Sorted(maps.Keys(columns[0])) {
		if _, there := columns[1][name]; !there {
			out.Removed = append(out.Removed, name)
		}
	}
}

// place is a partition of a context.
type place struct {
	context   string
	partition int32
}

func places(sums [2]map[place]rowsSum) []place {
	all := maps.Clone(sums[0])
	maps.Copy(all, sums[1])
	return slices.SortedFunc(maps.Keys(all), func(a, b place) int {
		return cmp.Or(strings.Compare(a.context, b.context), cmp.Compare(a.partition, b.partition))
	})
}

// rowsSum is the number of rows and the sum of their hashes, which does not depend on their order.
type rowsSum struct{ rows, sum uint64 }

func (c *comparison) from(i int) string {
	return fmt.Sprintf("FROM %s.%s %s WHERE %s", c.db.cfg.Database, c.sides[i].Table, c.final[i], c.where)
}

func (c *comparison) sums(ctx context.Context, i int) (map[place]rowsSum, error) {
	var rows []struct {
		Context   string `ch:"context"`
		Partition int32  `ch:"partition"`
		N         uint64 `ch:"n"`
		Sum       uint64 `ch:"h"`
	}
	err := c.db.Select(ctx, &rows, fmt.Sprintf("SELECT toString(context) AS context, partition, count() AS n, sum(cityHash64(%s)) AS h %s GROUP BY context, partition",
		strings.Join(c.shared, ", "), c.from(i)))
	if err != nil {
		return nil, err
	}
	out := map[place]rowsSum{}
	for _, r := range rows {
		out[place{r.Context, r.Partition}] = rowsSum{r.N, r.Sum}
	}
	return out, nil
}

// explain finds out which columns differ, and a few rows in which they do.
func (c *comparison) explain(ctx context.Context, out *Comparison) error {
	sums := make([]string, len(c.shared))
	for i, column := range c.shared {
		sums[i] = fmt.Sprintf("sum(cityHash64(%s))", column)
	}
	var found [2]Table
	for i := range c.sides {
		var err error
		if found[i], err = c.db.Query(ctx, fmt.Sprintf("SELECT %s %s", strings.Join(sums, ", "), c.from(i))); err != nil {
			return err
		}
	}
	var differ []string
	for i, name := range c.names {
		if !reflect.DeepEqual(found[0].Rows[0][i], found[1].Rows[0][i]) {
			out.Columns, differ = append(out.Columns, name), append(differ, c.shared[i])
		}
	}
	p := out.Partitions[0]
	offsets, err := c.offsets(ctx, p)
	if err != nil {
		return err
	}
	for _, offset := range offsets {
		example, err := c.example(ctx, p, offset, differ)
		if err != nil {
			return err
		}
		out.Examples = append(out.Examples, example)
	}
	return nil
}

// offsets finds the first offsets of a partition whose rows differ.
func (c *comparison) offsets(ctx context.Context, p PartitionDifference) ([]int64, error) {
	var rows []struct {
		Offset int64 `ch:"offset"`
	}
	half := func(i int) string {
		return fmt.Sprintf("SELECT offset, cityHash64(%s) AS h, %d AS side %s AND context = '%s' AND partition = %d", strings.Join(c.shared, ", "), i, c.from(i), p.Context, p.Partition)
	}
	err := c.db.Select(ctx, &rows, fmt.Sprintf(`SELECT offset FROM (%s UNION ALL %s) GROUP BY offset
		HAVING countIf(side = 0) != countIf(side = 1) OR sumIf(h, side = 0) != sumIf(h, side = 1) ORDER BY offset LIMIT %d`, half(0), half(1), examplesMax))
	var out []int64
	for _, r := range rows {
		out = append(out, r.Offset)
	}
	return out, err
}

// example says in words how the rows of one offset differ.
func (c *comparison) example(ctx context.Context, p PartitionDifference, offset int64, differ []string) (string, error) {
	at := fmt.Sprintf("%s/%d@%d: ", p.Context, p.Partition, offset)
	var texts [2]string
	for i := range c.sides {
		row := "''"
		for _, column := range differ {
			row += fmt.Sprintf(", ' %s=', toString(%s)", strings.Trim(column, "`"), column)
		}
		var n uint64
		err := c.db.Row(ctx, fmt.Sprintf("SELECT count(), any(concat(%s, '')) %s AND context = '%s' AND partition = %d AND offset = %d",
			row, c.from(i), p.Context, p.Partition, offset)).Scan(&n, &texts[i])
		if err != nil {
			return "", err
		}
		if n != 1 {
			texts[i] = fmt.Sprintf(" %d rows", n)
		}
	}
	return at + c.sides[0].Of + " has" + texts[0] + ", " + c.sides[1].Of + texts[1], nil
}

// Freeze makes a table that holds what another holds at this moment, at no cost: the same files under another name. It
// returns the vector up to which that is everything: the highest offset that is there of each partition. The row with a
// partition's highest offset is the newest of its key, so it is never replaced, and the rows of a partition come in order.
func (db *DB) Freeze(ctx context.Context, table, as string) (Vector, error) {
	for _, statement := range []string{"DROP TABLE IF EXISTS %[1]s.%[2]s SYNC", "CREATE TABLE %[1]s.%[2]s CLONE AS %[1]s.%[3]s"} {
		if err := db.Exec(ctx, fmt.Sprintf(statement, db.cfg.Database, as, table)); err != nil {
			return nil, fmt.Errorf("freezing table %s: %w", table, err)
		}
	}
	var rows []struct {
		Context   string `ch:"context"`
		Partition int32  `ch:"partition"`
		Next      int64  `ch:"next"`
	}
	err := db.patient().Select(ctx, &rows, fmt.Sprintf("SELECT toString(context) AS context, partition, max(offset) + 1 AS next FROM %s.%s GROUP BY context, partition", db.cfg.Database, as))
	if err != nil {
		return nil, fmt.Errorf("reading how far table %s is: %w", table, err)
	}
	out := Vector{}
	for _, r := range rows {
		out.Raise(r.Context, r.Partition, r.Next)
	}
	return out, nil
}

// Thaw drops what Freeze has made.
func (db *DB) Thaw(ctx context.Context, as string) error {
	return db.Exec(ctx, fmt.Sprintf("DROP TABLE IF EXISTS %s.%s SYNC", db.cfg.Database, as))
}
