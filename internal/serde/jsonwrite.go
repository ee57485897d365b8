package serde

import (
	"encoding/base64"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// appendData appends Avro data as plain JSON: fields in the schema's order, unions without tags, times as RFC 3339 in
// UTC, bytes in base64.
func (c *jsonCodec) appendData(dst, data []byte) ([]byte, error) {
	v, rest, err := c.native.NativeFromBinary(data)
	if err != nil {
		return dst, err
	}
	if len(rest) > 0 {
		return dst, trailingError(len(rest))
	}
	return appendJSON(dst, c.root, v)
}

// appendJSON appends v, as goavro has decoded it, a value of t.
func appendJSON(dst []byte, t *jsonType, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case int32:
		return appendWhole(dst, t.logical, int64(v)), nil
	case int64:
		return appendWhole(dst, t.logical, v), nil
	case float32:
		return appendFloat(dst, float64(v), 32), nil
	case float64:
		return appendFloat(dst, v, 64), nil
	case string:
		return appendString(dst, v), nil
	case []byte:
		return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v), '"'), nil
	case time.Time:
		return appendTime(dst, t.logical, v), nil
	case []any:
		return appendArray(dst, t, v)
	case map[string]any:
		return appendBraced(dst, t, v)
	case fmt.Stringer: // a decimal, a duration: of a schema that is not ours
		return appendString(dst, v.String()), nil
	}
	return dst, fmt.Errorf("a %T has no JSON", v)
}

func appendArray(dst []byte, t *jsonType, v []any) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, item := range v {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, t.items, item); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

// appendBraced appends what goavro decodes to a Go map: a record, a map, or the value of a union under its branch.
func appendBraced(dst []byte, t *jsonType, v map[string]any) (_ []byte, err error) {
	names := make([]string, 0, len(v))
	switch t.kind {
	case "union":
		for _, option := range t.options {
			if inner, ok := v[option.branch]; ok {
				return appendJSON(dst, option, inner)
			}
		}
		return dst, fmt.Errorf("no branch of the union matches %v", slices.Collect(maps.Keys(v)))
	case "map":
		names = slices.AppendSeq(names, maps.Keys(v))
		slices.Sort(names)
	case "record":
		for i := range t.fields {
			names = append(names, t.fields[i].name)
		}
	}
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		of := t.items
		if t.kind == "record" {
			of = t.fields[i].of
		}
		dst = append(appendString(dst, name), ':')
		if dst, err = appendJSON(dst, of, v[name]); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendFloat appends f; JSON has no numbers for what is not finite.
func appendFloat(dst []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits)
}

// Times in JSON: RFC 3339 with exactly the digits the schema keeps.
const (
	millisLayout = "2006-01-02T15:04:05.000Z07:00"
	microsLayout = "2006-01-02T15:04:05.000000Z07:00"
	dateLayout   = "2006-01-02"
	secondsADay  = 24 * 60 * 60
)

// appendWhole appends n; as the time that it stands for, if it does.
func appendWhole(dst []byte, logical string, n int64) []byte {
	switch logical {
	case timestampMillis:
		return appendTime(dst, logical, time.UnixMilli(n))
	case timestampMicros:
		return appendTime(dst, logical, time.UnixMicro(n))
	case date:
		return appendTime(dst, logical, time.Unix(n*secondsADay, 0))
	}
	return strconv.AppendInt(dst, n, 10)
}

// appendTime appends at, or the bare number for a year that RFC 3339 has no form for.
func appendTime(dst []byte, logical string, at time.Time) []byte {
	at = at.UTC()
	layout, number := millisLayout, at.UnixMilli()
	switch logical {
	case timestampMicros:
		layout, number = microsLayout, at.UnixMicro()
	case date:
		layout, number = dateLayout, at.Unix()/secondsADay
	}
	if at.Year() < 0 || at.Year() > 9999 {
		return strconv.AppendInt(dst, number, 10)
	}
	return append(at.AppendFormat(append(dst, '"'), layout), '"')
}

// appendString appends s in quotes, escaping no more than JSON demands.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s { // what is not UTF-8 comes as U+FFFD
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&0xf])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
