package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"recount/internal/serde"
)

// commandInfo is a command that can be sent.
type commandInfo struct {
	serde.CommandInfo
	// schema is that of its fields, as JSON Schema.
	schema object
}

// catalog is every command that can be sent: by context, aggregate and name. It never changes.
type catalog struct {
	contexts map[string]map[string]map[string]commandInfo
	wire     map[string]commandInfo
}

func newCatalog(codec *serde.Codec, contexts []string) catalog {
	c := catalog{contexts: map[string]map[string]map[string]commandInfo{}, wire: map[string]commandInfo{}}
	for _, context := range contexts {
		aggregates := map[string]map[string]commandInfo{}
		c.contexts[context] = aggregates
		for _, listed := range codec.CommandTypes(context) {
			info := commandInfo{listed, schemaOf(listed)}
			if aggregates[info.Aggregate] == nil {
				aggregates[info.Aggregate] = map[string]commandInfo{}
			}
			aggregates[info.Aggregate][info.Name] = info
			c.wire[info.Type] = info
		}
	}
	return c
}

// aggregate returns the commands of an aggregate, or a problem that lists what there is.
func (c catalog) aggregate(context, aggregate string) (map[string]commandInfo, *Problem) {
	aggregates, ok := c.contexts[context]
	if !ok {
		return nil, unknown(CodeUnknownContext, "context", context, "", c.contexts)
	}
	commands, ok := aggregates[aggregate]
	if !ok {
		return nil, unknown(CodeUnknownAggregate, "aggregate", aggregate, " in "+context, aggregates)
	}
	return commands, nil
}

func (c catalog) command(context, aggregate, name string) (commandInfo, *Problem) {
	commands, p := c.aggregate(context, aggregate)
	if p != nil {
		return commandInfo{}, p
	}
	info, ok := commands[name]
	if !ok {
		return commandInfo{}, unknown(CodeUnknownCommand, "command", name, " of "+context+"."+aggregate, commands)
	}
	return info, nil
}

func unknown[V any](code, what, name, where string, known map[string]V) *Problem {
	p := newProblem(http.StatusNotFound, code, fmt.Sprintf("there is no %s %q%s", what, name, where))
	p.Known = slices.Sorted(maps.Keys(known))
	return p
}

// byWire finds a command by the name it has in a record: "bank.account.deposit".
func (c catalog) byWire(name string) (commandInfo, *fault) {
	if info, ok := c.wire[name]; ok {
		return info, nil
	}
	return commandInfo{}, invalid("type", "there is no command %q: known are %s", name, strings.Join(slices.Sorted(maps.Keys(c.wire)), ", "))
}

// each yields every aggregate with its commands by name, in the order of their names.
func (c catalog) each(yield func(context, aggregate string, commands []commandInfo)) {
	for _, context := range slices.Sorted(maps.Keys(c.contexts)) {
		for _, aggregate := range slices.Sorted(maps.Keys(c.contexts[context])) {
			commands := c.contexts[context][aggregate]
			var sorted []commandInfo
			for _, name := range slices.Sorted(maps.Keys(commands)) {
				sorted = append(sorted, commands[name])
			}
			yield(context, aggregate, sorted)
		}
	}
}

// schemaOf returns the JSON Schema of a command's fields: what CommandFromJSON takes.
func schemaOf(info serde.CommandInfo) object {
	s := recordSchema(info.Fields)
	if info.Doc != "" {
		s["description"] = info.Doc
	}
	return s
}

func recordSchema(fields []serde.FieldInfo) object {
	properties, required := object{}, []string{}
	for _, f := range fields {
		s := valueSchema(f.TypeInfo)
		if f.Doc != "" {
			s["description"] = f.Doc
		}
		if f.PII {
			s["x-pii"] = true
		}
		if f.Optional {
			s["default"] = json.RawMessage(f.Default)
		} else {
			required = append(required, f.Name)
		}
		properties[f.Name] = s
	}
	return object{"type": "object", "properties": properties, "required": required, "additionalProperties": false}
}

func valueSchema(t serde.TypeInfo) object {
	s := plainSchema(t)
	if !t.Nullable {
		return s
	}
	if kind, ok := s["type"].(string); ok && s["enum"] == nil {
		s["type"] = []string{kind, "null"}
		return s
	}
	return object{"anyOf": []any{s, object{"type": "null"}}}
}

// plainSchema is the schema of a value that is not null.
func plainSchema(t serde.TypeInfo) object {
	switch t.Format {
	case "date":
		return object{"type": "string", "format": "date"}
	case "timestamp-millis", "timestamp-micros":
		return object{"type": "string", "format": "date-time"}
	}
	switch t.Type {
	case "boolean", "string", "null":
		return object{"type": t.Type}
	case "int":
		return object{"type": "integer", "format": "int32"}
	case "long":
		return object{"type": "integer", "format": "int64"}
	case "float", "double":
		return object{"type": "number", "format": t.Type}
	case "bytes", "fixed":
		return object{"type": "string", "contentEncoding": "base64"}
	case "enum":
		return object{"type": "string", "enum": t.Symbols}
	case "array":
		return object{"type": "array", "items": valueSchema(*t.Items)}
	case "map":
		return object{"type": "object", "additionalProperties": valueSchema(*t.Items)}
	case "record":
		return recordSchema(t.Fields)
	}
	return object{} // a type that JSON Schema has no word for: anything
}
