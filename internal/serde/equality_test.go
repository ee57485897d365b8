package serde

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"
	"pgregory.net/rapid"

	"recount/domain"
	schemas "recount/schemas/avro"
)

// everyVersion is every version of every record, ours and the library's.
func everyVersion(t testing.TB) []*version {
	t.Helper()
	ours, err := NewCatalog(schemas.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	var out []*version
	for _, c := range []*Catalog{ours, libraryCatalog(t)} {
		for _, r := range c.records {
			out = append(out, r.versions...)
		}
	}
	return out
}

// Two libraries write the same records: one on the hot path, one at the edge. If they disagreed about a single byte,
// the chain of an aggregate would break, or a command would become another.
func TestBothLibrariesAgreeOnEverySchema(t *testing.T) {
	t.Parallel()
	for _, v := range everyVersion(t) {
		t.Run(v.path, func(t *testing.T) {
			t.Parallel()
			other, err := goavro.NewCodec(v.text)
			if err != nil {
				t.Fatal(err)
			}
			shape, err := newJSONType(v.full.Root().ExpandReferences())
			if err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) {
				if err := agree(v.full, other, draw(t, shape, anyTime)); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// The comparison itself must be able to fail.
func TestDisagreementIsNoticed(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"bytes"}]}`
	one, err := avro.Parse(schema)
	if err != nil {
		t.Fatal(err)
	}
	value := map[string]any{"a": "x", "b": []byte("y")}
	for other, same := range map[string]bool{
		schema: true,
		`{"type":"record","name":"R","fields":[{"name":"b","type":"bytes"},{"name":"a","type":"string"}]}`:                              false,
		`{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":{"type":"fixed","name":"F","size":1}}]}`: false,
	} {
		codec, err := goavro.NewCodec(other)
		if err != nil {
			t.Fatal(err)
		}
		if err := agree(one, codec, value); (err == nil) != same {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// agree writes and reads value with both libraries, each what the other has written or read.
func agree(one *avro.Schema, other *goavro.Codec, value any) error {
	written, err := other.BinaryFromNative(nil, value)
	if err != nil {
		return fmt.Errorf("goavro can't write %v: %w", value, err)
	}
	var byOne any
	if rest, err := one.Decode(written, &byOne, avro.TaggedUnions(), avro.TagLogicalTypes()); err != nil || len(rest) > 0 {
		return fmt.Errorf("twmb can't read what goavro wrote: %v, %d bytes left", err, len(rest))
	}
	byOther, rest, err := other.NativeFromBinary(written)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("goavro can't read what it wrote: %v, %d bytes left", err, len(rest))
	}
	if !reflect.DeepEqual(byOne, byOther) {
		return fmt.Errorf("twmb reads %#v, goavro %#v", byOne, byOther)
	}
	again, err := one.Encode(byOther)
	if err != nil || !bytes.Equal(again, written) {
		return fmt.Errorf("twmb writes %x (%v), goavro %x", again, err, written)
	}
	again, err = other.BinaryFromNative(nil, byOne)
	if err != nil || !bytes.Equal(again, written) {
		return fmt.Errorf("goavro writes %x (%v) what twmb read from %x", again, err, written)
	}
	return nil
}

// Plain JSON loses nothing: what is written as JSON is read as the same bytes.
func TestPlainJSONLosesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range everyVersion(t) {
		if v.json == nil {
			continue // part of other records
		}
		t.Run(v.path, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				written, err := v.json.native.BinaryFromNative(nil, draw(t, v.json.root, jsonTime))
				if err != nil {
					t.Fatal(err)
				}
				text, err := v.json.appendData(nil, written)
				if err != nil {
					t.Fatal(err)
				}
				native, err := readJSON(v.json.root, text)
				if err != nil {
					t.Fatalf("%s can't be read: %v", text, err)
				}
				again, err := v.json.native.BinaryFromNative(nil, native)
				if err != nil || !bytes.Equal(again, written) {
					t.Fatalf("%s\nis %x (%v), and was %x", text, again, err, written)
				}
			})
		})
	}
}

// limits says which values of logical types to draw.
type limits struct {
	millis, micros [2]int64
	days           [2]int32
}

var (
	anyTime = limits{
		millis: [2]int64{math.MinInt64 / 1_000_000, math.MaxInt64 / 1_000_000}, micros: [2]int64{math.MinInt64 / 1_000, math.MaxInt64 / 1_000},
		days: [2]int32{-100_000_000, 100_000_000},
	}
	jsonTime = limits{
		millis: span(time.Millisecond), micros: span(time.Microsecond),
		days: [2]int32{int32(yearZero / 86400), int32(yearLast/86400) - 1},
	}
)

const (
	yearZero = -62_167_219_200 // 0000-01-01, in seconds
	yearLast = 253_402_300_800 // 10000-01-01
)

func span(unit time.Duration) [2]int64 {
	perSecond := int64(time.Second / unit)
	return [2]int64{yearZero * perSecond, yearLast*perSecond - 1}
}

// draw returns a value of t as goavro takes it. Maps have one entry at most: their order is nobody's promise.
func draw(r *rapid.T, t *jsonType, in limits) any {
	switch t.logical {
	case timestampMillis:
		return time.UnixMilli(rapid.Int64Range(in.millis[0], in.millis[1]).Draw(r, "millis")).UTC()
	case timestampMicros:
		return time.UnixMicro(rapid.Int64Range(in.micros[0], in.micros[1]).Draw(r, "micros")).UTC()
	case date:
		return time.Unix(int64(rapid.Int32Range(in.days[0], in.days[1]).Draw(r, "days"))*secondsADay, 0).UTC()
	}
	switch t.kind {
	case "boolean":
		return rapid.Bool().Draw(r, "boolean")
	case "int":
		return rapid.Int32().Draw(r, "int")
	case "long":
		return rapid.Int64().Draw(r, "long")
	case "float":
		return rapid.Float32().Draw(r, "float")
	case "double":
		return rapid.Float64().Draw(r, "double")
	case "bytes":
		return rapid.SliceOf(rapid.Byte()).Draw(r, "bytes")
	case "fixed":
		return rapid.SliceOfN(rapid.Byte(), t.size, t.size).Draw(r, "fixed")
	case "string":
		return rapid.String().Draw(r, "string")
	case "enum":
		return rapid.SampledFrom(t.symbols).Draw(r, "symbol")
	case "array":
		items := make([]any, rapid.IntRange(0, 3).Draw(r, "length"))
		for i := range items {
			items[i] = draw(r, t.items, in)
		}
		return items
	case "map":
		if rapid.Bool().Draw(r, "empty") {
			return map[string]any{}
		}
		return map[string]any{rapid.String().Draw(r, "key"): draw(r, t.items, in)}
	case "union":
		option := rapid.SampledFrom(t.options).Draw(r, "option")
		if option.kind == "null" {
			return nil
		}
		return goavro.Union(option.branch, draw(r, option, in))
	case "record":
		fields := map[string]any{}
		for _, f := range t.fields {
			fields[f.name] = draw(r, f.of, in)
		}
		return fields
	}
	panic("no value of " + t.kind)
}
