package clickhouse_test

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"recount/internal/es"
)

// column is a column as the tag and the type of a row's field ask for it.
type column struct {
	name  string
	field int
	types []string // any of these
}

// columnsOf reads the columns of a row type, by the table that es.Table documents.
func columnsOf(row reflect.Type) ([]column, error) {
	out := make([]column, row.NumField())
	for i := range out {
		field := row.Field(i)
		name, option, _ := strings.Cut(field.Tag.Get("ch"), ",")
		types := columnTypes(field.Type, option)
		if name == "" || types == nil {
			return nil, fmt.Errorf("%s.%s: no column for %s `%s`", row.Name(), field.Name, field.Type, field.Tag)
		}
		out[i] = column{name, i, types}
	}
	return out, nil
}

func columnTypes(field reflect.Type, option string) []string {
	switch {
	case option == "millis" && field.Kind() == reflect.Int64:
		return []string{"DateTime64(3, 'UTC')"}
	case option != "":
		return nil
	}
	switch reflect.Zero(field).Interface().(type) {
	case string:
		return []string{"String", "LowCardinality(String)"}
	case []byte:
		return []string{"String"}
	case int32:
		return []string{"Int32"}
	case int64:
		return []string{"Int64"}
	case uint64:
		return []string{"UInt64"}
	case es.ID:
		return []string{"UUID"}
	case es.Hash:
		return []string{"FixedString(32)"}
	}
	return nil
}

// rowBinary encodes rows, a *[]R, in the RowBinary format.
func rowBinary(t *testing.T, rows any) (names []string, body []byte) {
	t.Helper()
	values := reflect.ValueOf(rows).Elem()
	columns, err := columnsOf(values.Type().Elem())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range columns {
		names = append(names, c.name)
	}
	for i := range values.Len() {
		for _, c := range columns {
			body = appendValue(body, values.Index(i).Field(c.field).Interface())
		}
	}
	return names, body
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return append(binary.AppendUvarint(b, uint64(len(v))), v...)
	case []byte:
		return append(binary.AppendUvarint(b, uint64(len(v))), v...)
	case int32:
		return binary.LittleEndian.AppendUint32(b, uint32(v))
	case int64:
		return binary.LittleEndian.AppendUint64(b, uint64(v))
	case uint64:
		return binary.LittleEndian.AppendUint64(b, v)
	case es.ID: // two halves, each little-endian
		b = binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(v[:8]))
		return binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(v[8:]))
	case es.Hash:
		return append(b, v[:]...)
	}
	panic(fmt.Sprintf("no encoding of %T", value))
}
