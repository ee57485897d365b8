package serde

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
)

// CommandFromJSON returns the frame of a command: wireType ("bank.account.deposit") with its fields as a JSON object.
// No data at all is an object without fields. The error is an [*InvalidCommandError] where the JSON does not fit the
// schema, and wraps [engine.ErrUnknownCommand] where there is no such command.
func (c *Codec) CommandFromJSON(wireType string, meta es.CommandMeta, data []byte) ([]byte, error) {
	ctx, r, err := c.command(wireType)
	if err != nil {
		return nil, err
	}
	if meta.CommandID == "" || meta.AggregateID == "" {
		return nil, invalid("a command must have an ID, and that of its aggregate")
	}
	if len(bytes.TrimSpace(data)) == 0 {
		data = []byte("{}")
	}
	v := r.newest()
	native, err := readJSON(v.json.root, data)
	if err != nil {
		return nil, err
	}
	frame := appendCommandMeta(appendHeader(nil, ctx.commands[wireType]), &meta)
	if frame, err = v.json.native.BinaryFromNative(frame, native); err != nil {
		return nil, fmt.Errorf("%s: %w", wireType, err)
	}
	return frame, nil
}

func (c *Codec) command(wireType string) (*contextCodec, *record, error) {
	name, _, _ := strings.Cut(wireType, ".")
	ctx := c.contexts[name]
	if ctx == nil {
		return nil, nil, fmt.Errorf("%q: %w: the contexts are %s", shorten(wireType), engine.ErrUnknownCommand, list(maps.Keys(c.contexts)))
	}
	r := ctx.types.commands[wireType]
	if r == nil {
		return nil, nil, fmt.Errorf("%q: %w: the commands are %s", shorten(wireType), engine.ErrUnknownCommand, list(maps.Keys(ctx.types.commands)))
	}
	return ctx, r, nil
}

// CommandInfo describes a command to people: in an API's description, in a help text.
type CommandInfo struct {
	Context   string
	Aggregate string
	// Name is the last part of the wire name, as in URLs: "change-address".
	Name string
	// Type is the wire name: "bank.customer.change-address".
	Type   string
	Doc    string
	Fields []FieldInfo
}

// FieldInfo describes a field.
type FieldInfo struct {
	Name string
	Doc  string
	TypeInfo
	// Optional fields may be left out: then they are Default, which is JSON.
	Optional bool
	Default  string
	// PII marks personal data.
	PII bool
}

// TypeInfo describes the values of a field.
type TypeInfo struct {
	// Type is Avro's name of the type, that of the value where null is allowed too: "long", "string", "record", "array".
	Type string
	// Format is the logical type: "timestamp-millis", "date"; mostly empty.
	Format   string
	Nullable bool
	Size     int         // of a fixed, in bytes
	Symbols  []string    // of an enum
	Fields   []FieldInfo // of a record
	Items    *TypeInfo   // of an array, or of a map's values
}

// CommandTypes describes the commands of a context, by aggregate and name. It panics if no context is called so.
func (c *Codec) CommandTypes(context string) []CommandInfo {
	ctx := c.context(context)
	var out []CommandInfo
	for _, wire := range slices.Sorted(maps.Keys(ctx.types.commands)) {
		r := ctx.types.commands[wire]
		out = append(out, CommandInfo{
			Context: context, Aggregate: r.aggregate.Name(), Name: wire[strings.LastIndexByte(wire, '.')+1:], Type: wire,
			Doc: r.newest().full.Root().Doc, Fields: r.newest().json.root.fieldInfos(),
		})
	}
	return out
}

func (t *jsonType) fieldInfos() []FieldInfo {
	out := make([]FieldInfo, len(t.fields))
	for i, f := range t.fields {
		out[i] = FieldInfo{Name: f.name, Doc: f.doc, TypeInfo: f.of.info(), Optional: f.optional, Default: f.absent, PII: f.personal}
	}
	return out
}

func (t *jsonType) info() TypeInfo {
	v := t.value()
	out := TypeInfo{Type: v.kind, Format: v.logical, Nullable: t.nullable(), Size: v.size, Symbols: v.symbols}
	if v.kind == "record" {
		out.Fields = v.fieldInfos()
	}
	if v.items != nil {
		items := v.items.info()
		out.Items = &items
	}
	return out
}

func list(names func(yield func(string) bool)) string {
	return strings.Join(slices.Sorted(names), ", ")
}
