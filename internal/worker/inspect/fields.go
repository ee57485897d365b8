package inspect

import (
	"fmt"
	"reflect"
	"strings"
)

// Field is one of a state's fields under its wire name. Value is printable and comparable.
type Field struct {
	Name  string
	Value any
}

// Fields lists the exported fields of a state, in the order they are declared. A record's own fields stand under its
// name and theirs: address.city. What is no plain value is given as text.
func Fields(state any) []Field {
	v := reflect.ValueOf(state)
	if v.Kind() != reflect.Struct {
		return []Field{{"value", fmt.Sprint(state)}}
	}
	return appendFields(nil, "", v)
}

func appendFields(out []Field, prefix string, v reflect.Value) []Field {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() {
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("avro"), ",")
		if name == "" {
			name = f.Name
		}
		if f.Type.Kind() == reflect.Struct {
			out = appendFields(out, prefix+name+".", v.Field(i))
		} else {
			out = append(out, Field{prefix + name, plain(v.Field(i))})
		}
	}
	return out
}

func plain(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Float32, reflect.Float64:
		return v.Float()
	}
	return fmt.Sprintf("%+v", v.Interface())
}
