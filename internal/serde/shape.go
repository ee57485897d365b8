package serde

import (
	"errors"
	"fmt"

	"github.com/twmb/avro"
)

// checkShape refuses what a schema may say in Avro and we could not keep to everywhere: on the hot path, as plain JSON,
// and in every language a producer is written in.
func checkShape(root *avro.SchemaNode) error {
	return shapeOf(root.ExpandReferences(), "")
}

func shapeOf(n *avro.SchemaNode, at string) error {
	if err := checkLogicalType(n); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	switch n.Type {
	case "null", "boolean", "int", "long", "float", "double", "bytes", "string", "fixed", "enum":
		return nil
	case "array":
		return shapeOf(n.Items, at+"[]")
	case "map":
		return shapeOf(n.Values, at+"{}")
	case "union":
		value, ok := optional(n)
		if !ok {
			return fmt.Errorf("%s: a union must be null and one other type: plain JSON could not tell others apart", at)
		}
		return shapeOf(value, at)
	case "record":
		var faults []error
		for i := range n.Fields {
			f := &n.Fields[i]
			faults = append(faults, checkField(f, below(at, f.Name)), shapeOf(&f.Type, below(at, f.Name)))
		}
		return errors.Join(faults...)
	}
	return fmt.Errorf("%s: %s refers to itself, and so has no bound", at, n.Type)
}

// checkField sees that nobody believes a field to be marked as personal when it is not.
func checkField(f *avro.SchemaField, at string) error {
	if mark, marked := f.Props["pii"]; marked {
		if _, ok := mark.(bool); !ok {
			return fmt.Errorf(`%s: "pii" must be true or false, without quotes`, at)
		}
	}
	if _, inside := f.Type.Props["pii"]; inside {
		return fmt.Errorf(`%s: "pii" belongs to the field, not to its type`, at)
	}
	return nil
}

// The logical types a schema may use.
const (
	timestampMillis = "timestamp-millis"
	timestampMicros = "timestamp-micros"
	date            = "date"
)

func checkLogicalType(n *avro.SchemaNode) error {
	switch n.LogicalType {
	case "", timestampMillis, timestampMicros, date:
		return nil
	}
	return fmt.Errorf("logical type %s is not supported: use timestamp-millis, timestamp-micros or date, and long minor units for money", n.LogicalType)
}

// optional returns the other type of a union of null and one type.
func optional(n *avro.SchemaNode) (*avro.SchemaNode, bool) {
	if n.Type != "union" || len(n.Branches) != 2 {
		return nil, false
	}
	a, b := &n.Branches[0], &n.Branches[1]
	switch {
	case a.Type == "null" && b.Type != "null":
		return b, true
	case b.Type == "null" && a.Type != "null":
		return a, true
	}
	return nil, false
}

// below appends a field to a path.
func below(at, field string) string {
	if at == "" {
		return field
	}
	return at + "." + field
}
