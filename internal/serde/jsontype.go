package serde

import (
	"fmt"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"
)

// jsonCodec turns the data of one schema version from plain JSON into Avro and back, without a Go type. goavro does the
// binary half; its own JSON is Avro's, with tagged unions, which is not what people write. So plain JSON is read into,
// and written from, the values goavro works on, along the schema.
type jsonCodec struct {
	native *goavro.Codec
	root   *jsonType
}

// jsonType is a schema as plain JSON sees it.
type jsonType struct {
	kind    string // Avro's: "long", "record"
	logical string
	branch  string // how goavro names it in a union
	size    int    // of a fixed
	symbols []string
	fields  []jsonField
	place   map[string]int // of a field in fields
	items   *jsonType      // of an array or a map
	options []*jsonType    // of a union
}

type jsonField struct {
	name     string
	doc      string
	personal bool
	of       *jsonType
	optional bool
	missing  any    // what an optional field is when it is not given, as goavro has it
	absent   string // the same as JSON
}

func newJSONCodec(data *avro.Schema) (*jsonCodec, error) {
	native, err := goavro.NewCodecWithOptions(data.String(), &goavro.CodecOption{})
	if err != nil {
		return nil, fmt.Errorf("goavro: %w", err)
	}
	root, err := newJSONType(data.Root().ExpandReferences())
	if err != nil {
		return nil, err
	}
	return &jsonCodec{native: native, root: root}, nil
}

func newJSONType(n *avro.SchemaNode) (t *jsonType, err error) {
	t = &jsonType{kind: n.Type, logical: n.LogicalType, size: n.Size, symbols: n.Symbols, branch: n.Type}
	switch n.Type {
	case "null", "boolean", "string", "float", "double":
	case "int", "long", "bytes":
		if n.LogicalType != "" {
			t.branch = n.Type + "." + n.LogicalType
		}
	case "fixed", "enum":
		t.branch = fullName(n)
	case "array":
		t.items, err = newJSONType(n.Items)
	case "map":
		t.items, err = newJSONType(n.Values)
	case "union":
		for i := range n.Branches {
			option, err := newJSONType(&n.Branches[i])
			if err != nil {
				return nil, err
			}
			t.options = append(t.options, option)
		}
	case "record":
		t.branch = fullName(n)
		err = t.addFields(n)
	default:
		return nil, fmt.Errorf("%s refers to itself, which plain JSON is not written for", n.Type)
	}
	return t, err
}

func (t *jsonType) addFields(n *avro.SchemaNode) error {
	t.place = make(map[string]int, len(n.Fields))
	for i := range n.Fields {
		f := &n.Fields[i]
		of, err := newJSONType(&f.Type)
		if err != nil {
			return err
		}
		personal, _ := f.Props["pii"].(bool)
		out := jsonField{name: f.Name, doc: f.Doc, personal: personal, of: of, optional: f.HasDefault}
		if f.HasDefault {
			out.missing = of.fromDefault(f.Default)
			if out.absent, err = of.jsonOf(out.missing); err != nil {
				return fmt.Errorf("the default of %s: %w", f.Name, err)
			}
		}
		t.place[f.Name] = i
		t.fields = append(t.fields, out)
	}
	return nil
}

// fromDefault turns a default, as twmb/avro gives it, into what goavro takes.
func (t *jsonType) fromDefault(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = t.firstOption().items.fromDefault(v[i])
		}
		return t.wrap(out)
	case map[string]any:
		return t.wrap(t.firstOption().fromDefaults(v))
	}
	return t.wrap(v)
}

// fromDefaults is fromDefault for what stands in braces: a record or a map.
func (t *jsonType) fromDefaults(v map[string]any) map[string]any {
	out := make(map[string]any, len(v))
	if t.kind == "map" {
		for k := range v {
			out[k] = t.items.fromDefault(v[k])
		}
		return out
	}
	for _, f := range t.fields {
		given, ok := v[f.name]
		if !ok {
			out[f.name] = f.missing
			continue
		}
		out[f.name] = f.of.fromDefault(given)
	}
	return out
}

// firstOption is the type a default is of: the first of a union.
func (t *jsonType) firstOption() *jsonType {
	if t.kind == "union" {
		return t.options[0]
	}
	return t
}

// wrap names the option of a union that v is of, as goavro wants it. v is of the first that is not null.
func (t *jsonType) wrap(v any) any {
	if t.kind != "union" || v == nil {
		return v
	}
	return goavro.Union(t.value().branch, v)
}

// value is what a value is of that is not null: the other type of a union with null.
func (t *jsonType) value() *jsonType {
	for _, o := range t.options {
		if o.kind != "null" {
			return o
		}
	}
	return t
}

// nullable reports whether null is a value of t.
func (t *jsonType) nullable() bool {
	for _, o := range t.options {
		if o.kind == "null" {
			return true
		}
	}
	return t.kind == "null"
}

func (t *jsonType) jsonOf(native any) (string, error) {
	text, err := appendJSON(nil, t, native)
	return string(text), err
}
