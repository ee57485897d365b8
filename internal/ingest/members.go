package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"unicode/utf8"
)

// checkJSON finds out whether text is one JSON object, in UTF-8.
func checkJSON(text []byte) *fault {
	switch {
	case !utf8.Valid(text):
		return malformed("not valid UTF-8")
	case !json.Valid(text):
		err := json.Unmarshal(text, new(json.RawMessage))
		if syntax := new(json.SyntaxError); errors.As(err, &syntax) && strings.HasPrefix(syntax.Error(), "unexpected end") {
			return malformed("not JSON: it ends in the middle")
		}
		return malformed("not JSON: %v", err)
	case bytes.TrimLeft(text, jsonSpace)[0] != '{':
		return malformed("not a JSON object")
	}
	return nil
}

const jsonSpace = " \t\r\n"

// members yields the names and values of an object that checkJSON has passed, as they stand there. The library's own
// walk through an object costs ten times as much, and this is done for every line of a bulk load.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		rest := bytes.TrimLeft(object, jsonSpace)[1:]
		for {
			rest = bytes.TrimLeft(rest, jsonSpace+",")
			if rest[0] == '}' {
				return
			}
			end := valueEnd(rest)
			name := rest[:end]
			rest = bytes.TrimLeft(rest[end:], jsonSpace+":")
			end = valueEnd(rest)
			if !yield(plainString(name), rest[:end]) {
				return
			}
			rest = rest[end:]
		}
	}
}

// valueEnd returns the length of the valid JSON value that text begins with.
func valueEnd(text []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			i += stringEnd(text[i:]) - 1
		case '{', '[':
			depth++
			continue
		case '}', ']':
			depth--
		default:
			if depth == 0 {
				return bytes.IndexAny(text, jsonSpace+",]}")
			}
			continue
		}
		if depth == 0 {
			return i + 1
		}
	}
}

// stringEnd returns the length of the valid JSON string that text begins with.
func stringEnd(text []byte) int {
	for i := 1; ; i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// plainString returns what a valid JSON string says.
func plainString(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		panic("ingest: a valid JSON string can't be read: " + err.Error())
	}
	return s
}
