package ingest

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"
)

// FuzzMembers holds the walk through an object to what the standard library reads.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{
		`{}`, ` { } `, `{"a":1}`, `{"a" : -1.5e+3 , "b" : [ 1 , {"c":"}"} , "]" ] , "d":{"e":{}} }`, `{"\u0061\"":"\\","b":"\\\""}`, `{"a":null,"b":true,"c":false}`,
		`{"":"","a":[],"a":[[[]]]}`, "\t\r\n{\n\"a\"\t:\r0}", `{"a":"{[,:]}"}`, `["a"]`, `{"a"}`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		fault := checkJSON(text)
		var want map[string]json.RawMessage
		isObject := json.Unmarshal(text, &want) == nil && want != nil && utf8.Valid(text)
		if (fault == nil) != isObject {
			t.Fatalf("%q: %v, and the standard library says %v", text, fault, isObject)
		}
		if fault != nil {
			return
		}
		got := map[string]json.RawMessage{}
		for name, value := range members(text) {
			got[name] = value // the last of several, as in the library
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d members, want %d", text, len(got), len(want))
		}
		for name, value := range want {
			if !bytes.Equal(got[name], value) {
				t.Fatalf("%q: %q is %q, want %q", text, name, got[name], value)
			}
		}
	})
}
