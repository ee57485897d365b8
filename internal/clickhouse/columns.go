package clickhouse

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"
)

// layout is how a slice of one row type becomes the columns of one table. It is worked out once, at start-up, where
// every disagreement between the struct and the table is an error.
type layout struct {
	row     reflect.Type
	columns []columnPlan
	types   []ch.ColumnNameAndType
	// place are the plans of the columns that tell where a row came from; ok where the table has all three.
	placed bool
	offset uintptr // of the field
	// feeders have what inserts of such rows need.
	feeders *feeders
}

// columnPlan is one field of every row, and how it becomes a column.
type columnPlan struct {
	name string
	at   uintptr
	feed feed
}

// tableColumn is a column as the server describes it.
type tableColumn struct {
	Name        string `ch:"name"`
	Type        string `ch:"type"`
	DefaultKind string `ch:"default_kind"`
}

const tagName = "ch"

// newLayout plans the columns of row's fields in a table.
func newLayout(table string, row reflect.Type, columns []tableColumn) (layout, error) {
	l := layout{row: row, feeders: &feeders{}}
	if row.Kind() != reflect.Struct {
		return l, fmt.Errorf("clickhouse: rows of table %s are %v, they must be structs", table, row)
	}
	var faults []error
	places := 0
	for f := range row.Fields() {
		name, option, _ := strings.Cut(f.Tag.Get(tagName), ",")
		i := slices.IndexFunc(columns, func(c tableColumn) bool { return c.Name == name })
		if i < 0 {
			faults = append(faults, fmt.Errorf("field %s.%s: the table has no column %q", row, f.Name, name))
			continue
		}
		plan, err := planColumn(f, columns[i].Type, option == "millis")
		if err != nil {
			faults = append(faults, fmt.Errorf("field %s.%s: column %s: %w", row, f.Name, name, err))
			continue
		}
		l.columns = append(l.columns, plan)
		l.types = append(l.types, ch.ColumnNameAndType{Name: name, Type: columns[i].Type})
		switch name {
		case "offset":
			if f.Type.Kind() != reflect.Int64 {
				faults = append(faults, fmt.Errorf("field %s.%s: offsets are int64", row, f.Name))
			}
			l.offset = plan.at
			places++
		case "context", "partition":
			places++
		}
	}
	for _, c := range columns {
		if c.DefaultKind == "" && !slices.ContainsFunc(l.types, func(t ch.ColumnNameAndType) bool { return t.Name == c.Name }) {
			faults = append(faults, fmt.Errorf("column %s has no field in %s and no default", c.Name, row))
		}
	}
	l.placed = places == 3
	if err := errors.Join(faults...); err != nil {
		return l, fmt.Errorf("clickhouse: table %s and the rows made for it disagree: %w", table, err)
	}
	return l, nil
}

// planColumn checks that a field fits a column and returns how to gather it.
func planColumn(f reflect.StructField, column string, millis bool) (columnPlan, error) {
	plan := columnPlan{name: strings.Split(f.Tag.Get(tagName), ",")[0], at: f.Offset}
	for _, k := range kinds() {
		if !k.field(f.Type) || k.millis != millis {
			continue
		}
		if !slices.ContainsFunc(k.columns, func(fits string) bool { return typeFits(column, fits) }) {
			return plan, fmt.Errorf("a %v fits %s, not %s", f.Type, strings.Join(k.columns, " or "), column)
		}
		if f.Type.Kind() == reflect.Array && f.Type.Len() != 16 && column != fmt.Sprintf("FixedString(%d)", f.Type.Len()) {
			return plan, fmt.Errorf("a %v fits FixedString(%d), not %s", f.Type, f.Type.Len(), column)
		}
		plan.feed = k.feed
		switch {
		case f.Type.Kind() == reflect.Array && f.Type.Len() != 16:
			plan.feed = feedArrays(uintptr(f.Type.Len()))
		case millis && (column == "DateTime64(3)" || strings.HasPrefix(column, "DateTime64(3,")):
			plan.feed = feedMillis
		case f.Type.Kind() == reflect.String && column == "LowCardinality(String)":
			plan.feed = feedWords
		}
		return plan, nil
	}
	return plan, fmt.Errorf("a %v cannot be a column; see the kinds of fields at es.Table", f.Type)
}

// typeFits compares a column's type with what a field fits, whatever dictionary and precision the column chose.
func typeFits(column, fits string) bool {
	if inner, ok := strings.CutPrefix(column, "LowCardinality("); ok {
		column = strings.TrimSuffix(inner, ")")
	}
	name, _, _ := strings.Cut(column, "(")
	return name == fits
}

// fieldKind is a kind of field and the columns it fits.
type fieldKind struct {
	field   func(reflect.Type) bool
	millis  bool
	columns []string
	feed    feed
}

func kinds() []fieldKind {
	kind := func(k reflect.Kind) func(reflect.Type) bool {
		return func(t reflect.Type) bool { return t.Kind() == k }
	}
	bytes := func(t reflect.Type) bool { return t.Kind() == reflect.Uint8 }
	return []fieldKind{
		{kind(reflect.String), false, []string{"String", "Enum8", "Enum16"}, feedEach[string]},
		{kind(reflect.Bool), false, []string{"Bool"}, feedEach[bool]},
		{kind(reflect.Int8), false, []string{"Int8"}, feedEach[int8]},
		{kind(reflect.Int16), false, []string{"Int16"}, feedEach[int16]},
		{kind(reflect.Int32), false, []string{"Int32"}, feedEach[int32]},
		{kind(reflect.Int64), false, []string{"Int64"}, feedEach[int64]},
		{kind(reflect.Int64), true, []string{"DateTime64"}, feedEach[int64]}, // the client takes an int64 as milliseconds
		{kind(reflect.Uint8), false, []string{"UInt8"}, feedEach[uint8]},
		{kind(reflect.Uint16), false, []string{"UInt16"}, feedEach[uint16]},
		{kind(reflect.Uint32), false, []string{"UInt32"}, feedEach[uint32]},
		{kind(reflect.Uint64), false, []string{"UInt64"}, feedEach[uint64]},
		{kind(reflect.Float32), false, []string{"Float32"}, feedEach[float32]},
		{kind(reflect.Float64), false, []string{"Float64"}, feedEach[float64]},
		{func(t reflect.Type) bool { return t.Kind() == reflect.Slice && bytes(t.Elem()) }, false, []string{"String"}, feedEach[[]byte]},
		{func(t reflect.Type) bool { return t.Kind() == reflect.Array && bytes(t.Elem()) && t.Len() == 16 }, false, []string{"UUID"}, feedEach[uuid.UUID]},
		{func(t reflect.Type) bool { return t.Kind() == reflect.Array && bytes(t.Elem()) && t.Len() != 16 }, false, []string{"FixedString"}, nil},
	}
}

// slice returns the rows behind a *[]R and their number.
func (l layout) slice(rows any) (unsafe.Pointer, int) {
	v := reflect.ValueOf(rows).Elem()
	return v.UnsafePointer(), v.Len()
}

// Count returns the number of rows behind a *[]R, as es.Rows yields them.
func Count(rows any) int { return reflect.ValueOf(rows).Elem().Len() }

// offsets returns the offset of every one of the rows behind a *[]R.
func (l layout) offsets(rows any) []int64 {
	p, n := l.slice(rows)
	out := make([]int64, n)
	for i := range out {
		out[i] = *at[int64](p, i, l.row.Size(), l.offset)
	}
	return out
}

// at is the field at an offset of row i.
func at[T any](rows unsafe.Pointer, i int, size, offset uintptr) *T {
	return (*T)(unsafe.Add(rows, uintptr(i)*size+offset))
}
