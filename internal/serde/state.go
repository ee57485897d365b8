package serde

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// stateCodec carries the state of one aggregate type. Its schema follows from the Go type, because a stored state is
// disposable: when the type changes, so does fold, and the state is folded again instead of misread.
type stateCodec struct {
	schema *avro.Schema
	data   *binding
	fold   es.Hash
}

func newStateCodec(a es.AggregateType) (*stateCodec, error) {
	t := a.StateType()
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("the state of %s is a %s and must be a struct", a.Name(), t)
	}
	d := derivation{}
	form, err := d.of(t, "State")
	if err != nil {
		return nil, fmt.Errorf("the state of %s: %w", a.Name(), err)
	}
	text, err := json.Marshal(form)
	if err != nil {
		return nil, fmt.Errorf("the state of %s: %w", a.Name(), err)
	}
	s := &stateCodec{data: newBinding(t)}
	if s.schema, err = avro.Parse(string(text)); err != nil {
		return nil, fmt.Errorf("the state of %s: %w", a.Name(), err)
	}
	if err := prove(s.data, s.schema); err != nil {
		return nil, fmt.Errorf("the state of %s: %w", a.Name(), err)
	}
	s.fold = foldOf(a, text)
	return s, nil
}

// foldOf hashes what a stored state depends on.
func foldOf(a es.AggregateType, schema []byte) es.Hash {
	h := sha256.New()
	h.Write([]byte(a.Name()))
	h.Write([]byte{0})
	h.Write(binary.AppendVarint(nil, int64(a.Revision())))
	h.Write(schema)
	return es.Hash(h.Sum(nil))
}

// derivation derives a schema from a Go type. Every named type is named by its place, so that no two collide.
type derivation struct{ open []reflect.Type }

type object = map[string]any

func (d *derivation) of(t reflect.Type, place string) (any, error) {
	switch t.Kind() {
	case reflect.Bool:
		return "boolean", nil
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Uint8, reflect.Uint16:
		return "int", nil
	case reflect.Int, reflect.Int64, reflect.Uint32:
		return "long", nil
	case reflect.Float32:
		return "float", nil
	case reflect.Float64:
		return "double", nil
	case reflect.String:
		return "string", nil
	case reflect.Pointer:
		inner, err := d.of(t.Elem(), place)
		return []any{"null", inner}, err
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "bytes", nil
		}
		inner, err := d.of(t.Elem(), place+"_item")
		return object{"type": "array", "items": inner}, err
	case reflect.Array:
		if t.Elem().Kind() == reflect.Uint8 {
			return object{"type": "fixed", "name": place, "size": t.Len()}, nil
		}
		inner, err := d.of(t.Elem(), place+"_item")
		return object{"type": "array", "items": inner}, err
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("%s: keys must be strings", t)
		}
		inner, err := d.of(t.Elem(), place+"_value")
		return object{"type": "map", "values": inner}, err
	case reflect.Struct:
		return d.record(t, place)
	}
	return nil, fmt.Errorf("a %s can't be stored: use booleans, numbers up to int64, strings, structs, slices and maps of them", t)
}

func (d *derivation) record(t reflect.Type, place string) (any, error) {
	for _, outer := range d.open {
		if outer == t {
			return nil, fmt.Errorf("%s contains itself", t)
		}
	}
	d.open = append(d.open, t)
	defer func() { d.open = d.open[:len(d.open)-1] }()
	fields, err := d.fields(t, place)
	return object{"type": "record", "name": place, "fields": fields}, err
}

func (d *derivation) fields(t reflect.Type, place string) ([]any, error) {
	fields := []any{}
	for i := range t.NumField() {
		f := t.Field(i)
		if !f.IsExported() {
			return nil, fmt.Errorf("field %s of %s is not exported, so its value would be lost", f.Name, t)
		}
		if avroName(f) == "-" {
			return nil, fmt.Errorf("field %s of %s is excluded, so its value would be lost", f.Name, t)
		}
		if f.Anonymous && f.Tag.Get("avro") == "" && f.Type.Kind() == reflect.Struct {
			inner, err := d.fields(f.Type, place)
			if err != nil {
				return nil, err
			}
			fields = append(fields, inner...)
			continue
		}
		form, err := d.of(f.Type, place+"_"+avroName(f))
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Name, err)
		}
		fields = append(fields, object{"name": avroName(f), "type": form})
	}
	return fields, nil
}

// avroName returns the name of f's schema field.
func avroName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("avro"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// AppendState appends state, the value of an aggregate of type a.
func (c *contextCodec) AppendState(dst []byte, a es.AggregateType, state any) ([]byte, error) {
	s := c.types.types[a.Name()].state
	return s.data.append(dst, s.schema, state)
}

// DecodeState reads a state back.
func (c *contextCodec) DecodeState(a es.AggregateType, value []byte) (any, error) {
	s := c.types.types[a.Name()].state
	state, err := s.data.decode(s.schema, value)
	if err != nil {
		return nil, fmt.Errorf("the stored state of %s.%s: %w", c.types.name, a.Name(), err)
	}
	return state, nil
}

// Fold identifies how a's states come about: a hash over its name, its declared revision and its state's schema.
func (c *contextCodec) Fold(a es.AggregateType) es.Hash { return c.types.types[a.Name()].state.fold }
