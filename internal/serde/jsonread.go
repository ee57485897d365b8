package serde

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// InvalidCommandError says what is wrong with a command given as JSON.
type InvalidCommandError struct {
	// Field is the path of the field at fault: "address.city", "tags[2]"; empty if it is the whole.
	Field string
	// Problem says what is wrong and what was expected.
	Problem string
}

// Error returns the field and its problem.
func (e *InvalidCommandError) Error() string {
	if e.Field == "" {
		return e.Problem
	}
	return e.Field + ": " + e.Problem
}

func invalid(format string, args ...any) error {
	return &InvalidCommandError{Problem: fmt.Sprintf(format, args...)}
}

// within puts the field or index that was being read before the path of a problem.
func within(at string, err error) error {
	var problem *InvalidCommandError
	if !errors.As(err, &problem) {
		return err
	}
	switch {
	case problem.Field == "" || problem.Field[0] == '[':
		problem.Field = at + problem.Field
	default:
		problem.Field = at + "." + problem.Field
	}
	return problem
}

// jsonReader reads plain JSON along a schema into the values goavro encodes. It is strict: whatever the schema does not
// foresee is a problem, never dropped or bent.
type jsonReader struct{ tokens *json.Decoder }

// readJSON reads all of data as one value of t.
func readJSON(t *jsonType, data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, invalid("not JSON: it is not UTF-8")
	}
	if half := loneSurrogate(data); half != "" {
		return nil, invalid("not JSON: %s is half a character", half)
	}
	r := jsonReader{json.NewDecoder(bytes.NewReader(data))}
	r.tokens.UseNumber()
	v, err := r.value(t)
	if err != nil {
		return nil, err
	}
	if _, err := r.tokens.Token(); err != io.EOF {
		return nil, invalid("something follows the value")
	}
	return v, nil
}

// loneSurrogate returns an escape for half a character that stands without its other half: the decoder would quietly put
// another character in its place.
func loneSurrogate(data []byte) string {
	for {
		i := bytes.IndexByte(data, '\\')
		if i < 0 || i+2 > len(data) {
			return ""
		}
		data = data[i:]
		first, ok := escaped(data)
		switch {
		case !ok:
			data = data[2:] // another escape, such as \\ or \n
			continue
		case utf16.IsSurrogate(first):
			second, _ := escaped(data[6:])
			if utf16.DecodeRune(first, second) == utf8.RuneError {
				return string(data[:6])
			}
			data = data[6:]
		}
		data = data[6:]
	}
}

// escaped returns the UTF-16 unit that the escape \uXXXX at the beginning of data stands for.
func escaped(data []byte) (rune, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	unit, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return rune(unit), err == nil
}

func (r *jsonReader) next() (json.Token, error) {
	token, err := r.tokens.Token()
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return nil, invalid("not JSON: it ends too early")
	case err != nil:
		return nil, invalid("not JSON: %v", err)
	}
	return token, nil
}

func (r *jsonReader) value(t *jsonType) (any, error) {
	token, err := r.next()
	if err != nil {
		return nil, err
	}
	if token == nil && t.nullable() {
		return nil, nil
	}
	v, err := r.valueOf(t.value(), token)
	if err != nil {
		return nil, err
	}
	return t.wrap(v), nil
}

// valueOf reads the value of t that token begins.
func (r *jsonReader) valueOf(t *jsonType, token json.Token) (any, error) {
	switch token := token.(type) {
	case json.Delim:
		switch {
		case token == '{' && t.kind == "record":
			return r.record(t)
		case token == '{' && t.kind == "map":
			return r.entries(t)
		case token == '[' && t.kind == "array":
			return r.items(t)
		}
	case bool:
		if t.kind == "boolean" {
			return token, nil
		}
	case json.Number:
		if t.logical == "" {
			return number(t, token)
		}
	case string:
		return text(t, token)
	}
	return nil, mismatch(t, token)
}

func (r *jsonReader) record(t *jsonType) (any, error) {
	out := make(map[string]any, len(t.fields))
	for r.tokens.More() {
		name, err := r.key()
		if err != nil {
			return nil, err
		}
		place, ok := t.place[name]
		if !ok {
			return nil, within(shorten(name), invalid("no such field: %s", t.fieldNames()))
		}
		if _, twice := out[name]; twice {
			return nil, within(shorten(name), invalid("it is given twice"))
		}
		if out[name], err = r.value(t.fields[place].of); err != nil {
			return nil, within(name, err)
		}
	}
	if _, err := r.next(); err != nil {
		return nil, err
	}
	return out, t.complete(out)
}

// complete gives the fields of a record that were left out their defaults.
func (t *jsonType) complete(out map[string]any) error {
	for _, f := range t.fields {
		if _, given := out[f.name]; given {
			continue
		}
		if !f.optional {
			return within(f.name, invalid("it is required: %s is expected", f.of.expected()))
		}
		out[f.name] = f.missing
	}
	return nil
}

func (r *jsonReader) entries(t *jsonType) (any, error) {
	out := map[string]any{}
	for r.tokens.More() {
		name, err := r.key()
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, within(shorten(name), invalid("it is given twice"))
		}
		if out[name], err = r.value(t.items); err != nil {
			return nil, within(name, err)
		}
	}
	_, err := r.next()
	return out, err
}

func (r *jsonReader) items(t *jsonType) (any, error) {
	out := []any{}
	for r.tokens.More() {
		v, err := r.value(t.items)
		if err != nil {
			return nil, within("["+strconv.Itoa(len(out))+"]", err)
		}
		out = append(out, v)
	}
	_, err := r.next()
	return out, err
}

func (r *jsonReader) key() (string, error) {
	token, err := r.next()
	if err != nil {
		return "", err
	}
	return token.(string), nil // the decoder takes nothing else for a key
}

func number(t *jsonType, n json.Number) (any, error) {
	switch t.kind {
	case "int":
		v, err := strconv.ParseInt(n.String(), 10, 32)
		return int32(v), whole(t, n, err)
	case "long":
		v, err := strconv.ParseInt(n.String(), 10, 64)
		return v, whole(t, n, err)
	case "float":
		v, err := strconv.ParseFloat(n.String(), 32)
		return float32(v), whole(t, n, err)
	case "double":
		v, err := strconv.ParseFloat(n.String(), 64)
		return v, whole(t, n, err)
	}
	return nil, mismatch(t, n)
}

// whole says why n is no number of type t, if it is not.
func whole(t *jsonType, n json.Number, err error) error {
	if errors.Is(err, strconv.ErrRange) {
		return invalid("%s is out of range: %s is expected", shorten(n.String()), t.expected())
	}
	if err != nil {
		return mismatch(t, n)
	}
	return nil
}

func text(t *jsonType, s string) (any, error) {
	switch {
	case t.logical != "":
		return moment(t, s)
	case t.kind == "string":
		return s, nil
	case t.kind == "enum" && slices.Contains(t.symbols, s):
		return s, nil
	case t.kind == "bytes" || t.kind == "fixed":
		b, err := base64.StdEncoding.Strict().DecodeString(s)
		if err != nil || t.kind == "fixed" && len(b) != t.size {
			return nil, mismatch(t, s)
		}
		return b, nil
	}
	return nil, mismatch(t, s)
}

// moment reads a time. What the schema can't hold is a problem: a time is not rounded without a word.
func moment(t *jsonType, s string) (any, error) {
	layout, unit := time.RFC3339, time.Millisecond
	switch t.logical {
	case timestampMicros:
		unit = time.Microsecond
	case date:
		layout, unit = dateLayout, time.Second
	}
	at, err := time.Parse(layout, s)
	switch {
	case err != nil:
		return nil, mismatch(t, s)
	case at.Nanosecond()%int(unit) != 0:
		return nil, invalid("%s is more precise than can be kept: %s is expected", shorten(s), t.expected())
	}
	switch t.logical {
	case timestampMicros:
		return at.UnixMicro(), nil
	case date:
		return int32(at.Unix() / secondsADay), nil
	}
	return at.UnixMilli(), nil
}

func mismatch(t *jsonType, token json.Token) error {
	return invalid("%s is expected, got %s", t.expected(), given(token))
}

// expected describes the values of t.
func (t *jsonType) expected() string {
	if t.nullable() && t.kind != "null" {
		return t.value().expected() + " or null"
	}
	switch t.logical {
	case timestampMillis:
		return "a time such as 2026-03-01T12:00:00.000Z"
	case timestampMicros:
		return "a time such as 2026-03-01T12:00:00.000000Z"
	case date:
		return "a date such as 2026-03-01"
	}
	switch t.kind {
	case "boolean":
		return "true or false"
	case "int":
		return fmt.Sprintf("a whole number from %d to %d", math.MinInt32, math.MaxInt32)
	case "long":
		return fmt.Sprintf("a whole number from %d to %d", math.MinInt64, math.MaxInt64)
	case "float", "double":
		return "a number that fits a " + t.kind
	case "bytes":
		return "base64"
	case "fixed":
		return fmt.Sprintf("base64 of %d bytes", t.size)
	case "enum":
		return "one of " + strings.Join(t.symbols, ", ")
	case "array":
		return "an array"
	case "record", "map":
		return "an object"
	}
	return "a " + t.kind
}

func (t *jsonType) fieldNames() string {
	if len(t.fields) == 0 {
		return "there are no fields"
	}
	names := make([]string, len(t.fields))
	for i, f := range t.fields {
		names[i] = f.name
	}
	return "the fields are " + strings.Join(names, ", ")
}

// given describes what was found.
func given(token json.Token) string {
	switch token := token.(type) {
	case nil:
		return "null"
	case json.Delim:
		if token == '[' {
			return "an array"
		}
		return "an object"
	case string:
		return strconv.Quote(shorten(token))
	case json.Number:
		return shorten(token.String())
	}
	return fmt.Sprint(token)
}

// shorten keeps a message readable whatever was given.
func shorten(s string) string {
	const max = 40
	if utf8.RuneCountInString(s) <= max {
		return s
	}
	return string([]rune(s)[:max]) + "…"
}
