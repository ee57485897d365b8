package serde

import (
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/twmb/avro"
)

// prove writes and reads a value of b's type in which no field is zero and no two are alike. A zero value would prove
// nothing: a Go field that the schema doesn't know comes back zero, and hides behind a default.
func prove(b *binding, s *avro.Schema) error {
	want := reflect.New(b.goType).Elem()
	count := 0
	if err := fill(want, s.Root().ExpandReferences(), &count); err != nil {
		return err
	}
	bytes, err := b.append(nil, s, want.Interface())
	if err != nil {
		return fmt.Errorf("writing a value: %w", err)
	}
	got, err := b.decode(s, bytes)
	if err != nil {
		return fmt.Errorf("reading what was written: %w", err)
	}
	if !reflect.DeepEqual(got, want.Interface()) {
		return fmt.Errorf("wrote %+v, and read %+v: does every Go field have its schema field, spelled as in its avro tag?", want, got)
	}
	return nil
}

// fill sets v, and everything in it, to something that is not zero. n is the schema v is written with; nil where none matches.
func fill(v reflect.Value, n *avro.SchemaNode, count *int) error {
	*count++
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		v.SetInt(int64(*count))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(*count))
	case reflect.Int8:
		v.SetInt(int64(*count%math.MaxInt8 + 1))
	case reflect.Uint8:
		v.SetUint(uint64(*count%math.MaxUint8 + 1))
	case reflect.Float32, reflect.Float64:
		v.SetFloat(float64(*count) + 0.5)
	case reflect.String:
		v.SetString(sample(n, *count))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), value(n), count)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		return fillAll(v, items(n), count)
	case reflect.Array:
		return fillAll(v, items(n), count)
	case reflect.Map:
		return fillMap(v, n, count)
	case reflect.Struct:
		return fillFields(v, n, count)
	default:
		return fmt.Errorf("a %s can't be carried", v.Type())
	}
	return nil
}

func fillAll(v reflect.Value, n *avro.SchemaNode, count *int) error {
	for i := range v.Len() {
		if err := fill(v.Index(i), n, count); err != nil {
			return err
		}
	}
	return nil
}

func fillMap(v reflect.Value, n *avro.SchemaNode, count *int) error {
	if v.Type().Key().Kind() != reflect.String {
		return fmt.Errorf("a %s can't be carried: keys must be strings", v.Type())
	}
	key, element := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	if err := errors.Join(fill(key, nil, count), fill(element, values(n), count)); err != nil {
		return err
	}
	v.Set(reflect.MakeMap(v.Type()))
	v.SetMapIndex(key, element)
	return nil
}

func fillFields(v reflect.Value, n *avro.SchemaNode, count *int) error {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			return fmt.Errorf("field %s is not exported, so its value would be lost", f.Name)
		}
		inner := field(n, f)
		if f.Anonymous && f.Tag.Get("avro") == "" {
			inner = n // its fields are the record's own
		}
		if err := fill(v.Field(i), inner, count); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

// sample returns a string that the schema allows.
func sample(n *avro.SchemaNode, count int) string {
	if n = value(n); n != nil && n.Type == "enum" {
		return n.Symbols[len(n.Symbols)-1]
	}
	return fmt.Sprintf("text %d", count)
}

// The following walk a schema beside a Go value, and give nil where it has nothing that matches.

func value(n *avro.SchemaNode) *avro.SchemaNode {
	if n == nil {
		return nil
	}
	if inner, ok := optional(n); ok {
		return inner
	}
	return n
}

func items(n *avro.SchemaNode) *avro.SchemaNode {
	if n = value(n); n == nil {
		return nil
	}
	return n.Items
}

func values(n *avro.SchemaNode) *avro.SchemaNode {
	if n = value(n); n == nil {
		return nil
	}
	return n.Values
}

func field(n *avro.SchemaNode, f reflect.StructField) *avro.SchemaNode {
	n = value(n)
	for i := 0; n != nil && i < len(n.Fields); i++ {
		if n.Fields[i].Name == avroName(f) {
			return &n.Fields[i].Type
		}
	}
	return nil
}
