package ingest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"recount/internal/serde"
)

func document(t *testing.T, s *Server) map[string]any {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, get("/openapi.json").request())
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d, %v", w.Code, w.Header())
	}
	var doc map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// at follows keys into a document.
func at(t *testing.T, doc any, keys ...string) any {
	t.Helper()
	for _, key := range keys {
		m, ok := doc.(map[string]any)
		if !ok || m[key] == nil {
			t.Fatalf("there is no %q of %v", key, keys)
		}
		doc = m[key]
	}
	return doc
}

func TestTheDocumentIsWhole(t *testing.T) {
	t.Parallel()
	doc := document(t, newServer(t, newBank(t)))
	for _, fault := range faultsOf(doc) {
		t.Error(fault)
	}
	if doc["security"] != nil {
		t.Error("it asks for tokens that nobody has")
	}
	guarded := document(t, newServer(t, newBank(t), func(c *Config) { c.Tokens = someTokens(t) }))
	if guarded["security"] == nil {
		t.Error("it does not ask for the token that is needed")
	}
}

// faultsOf checks what OpenAPI 3.1 demands of a document like ours.
func faultsOf(doc map[string]any) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	object := func(v any) map[string]any { m, _ := v.(map[string]any); return m }
	if doc["openapi"] != "3.1.0" || object(doc["info"])["title"] == nil || object(doc["info"])["version"] == nil {
		fault("openapi, info.title or info.version is missing")
	}
	name := regexp.MustCompile(`^[a-zA-Z0-9._-]+$`)
	for section, members := range object(doc["components"]) {
		for key := range object(members) {
			if !name.MatchString(key) {
				fault("components.%s has a member %q", section, key)
			}
		}
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			if target, ok := v["$ref"].(string); ok && !resolves(doc, target) {
				fault("%s refers to %s, which is not there", path, target)
			}
			for key, inner := range v {
				walk(path+"/"+key, inner)
			}
		case []any:
			for i, inner := range v {
				walk(fmt.Sprint(path, "/", i), inner)
			}
		}
	}
	walk("#", doc)
	operations := map[string]bool{}
	for path, item := range object(doc["paths"]) {
		for method, op := range object(item) {
			where := method + " " + path
			id, _ := object(op)["operationId"].(string)
			if id == "" || operations[id] {
				fault("%s has the operationId %q, which must be unique", where, id)
			}
			operations[id] = true
			faults = append(faults, operationFaults(doc, where, path, object(op))...)
		}
	}
	return faults
}

// operationFaults checks an operation's parameters and responses.
func operationFaults(doc map[string]any, where, path string, op map[string]any) (faults []string) {
	var inPath []string
	params, _ := op["parameters"].([]any)
	for _, p := range params {
		p := follow(doc, p)
		if p["name"] == nil || p["schema"] == nil {
			faults = append(faults, fmt.Sprintf("%s: a parameter lacks its name or schema: %v", where, p))
		}
		if p["in"] == "path" {
			inPath = append(inPath, fmt.Sprint("{", p["name"], "}"))
			if p["required"] != true {
				faults = append(faults, fmt.Sprintf("%s: %v must be required", where, p["name"]))
			}
		}
	}
	placeholders := regexp.MustCompile(`\{[^}]*\}`).FindAllString(path, -1)
	slices.Sort(inPath)
	slices.Sort(placeholders)
	if !slices.Equal(inPath, placeholders) {
		faults = append(faults, fmt.Sprintf("%s: the path has %v, the parameters %v", where, placeholders, inPath))
	}
	responses, _ := op["responses"].(map[string]any)
	if len(responses) == 0 {
		faults = append(faults, where+" has no responses")
	}
	for status, r := range responses {
		r := follow(doc, r)
		if r["description"] == nil || r["content"] == nil {
			faults = append(faults, fmt.Sprintf("%s: response %s lacks its description or content", where, status))
		}
		if content, _ := r["content"].(map[string]any); status >= "400" && content[problemMediaType] == nil {
			faults = append(faults, fmt.Sprintf("%s: response %s is no problem", where, status))
		}
	}
	return faults
}

func follow(doc map[string]any, v any) map[string]any {
	m, _ := v.(map[string]any)
	if target, ok := m["$ref"].(string); ok {
		m, _ = lookUp(doc, target).(map[string]any)
	}
	return m
}

func lookUp(doc map[string]any, target string) any {
	var v any = doc
	for _, key := range strings.Split(strings.TrimPrefix(target, "#/"), "/") {
		m, _ := v.(map[string]any)
		v = m[key]
	}
	return v
}

func resolves(doc map[string]any, target string) bool { return lookUp(doc, target) != nil }

// The check of the document must find what it is there to find.
func TestAFaultInTheDocumentIsFound(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(doc map[string]any){
		"a dangling reference": func(d map[string]any) { delete(at(t, d, "components", "schemas").(map[string]any), "Problem") },
		"a missing parameter":  func(d map[string]any) { delete(depositOf(t, d), "parameters") },
		"no responses":         func(d map[string]any) { delete(depositOf(t, d), "responses") },
		"an operation twice":   func(d map[string]any) { depositOf(t, d)["operationId"] = "bank.account.withdraw" },
		"no version":           func(d map[string]any) { delete(at(t, d, "info").(map[string]any), "version") },
		"a bad name":           func(d map[string]any) { at(t, d, "components", "schemas").(map[string]any)["a b"] = map[string]any{} },
	} {
		doc := document(t, newServer(t, newBank(t)))
		spoil(doc)
		if len(faultsOf(doc)) == 0 {
			t.Errorf("%s was not found", name)
		}
	}
}

func depositOf(t *testing.T, doc map[string]any) map[string]any {
	return at(t, doc, "paths", "/v1/bank/account/{id}/deposit", "post").(map[string]any)
}

func TestEveryCommandIsDescribedAsItIsTaken(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	doc := document(t, newServer(t, b))
	commands := 0
	for _, info := range b.codec.CommandTypes("bank") {
		commands++
		path := fmt.Sprintf("/v1/bank/%s/{id}/%s", info.Aggregate, info.Name)
		post := at(t, doc, "paths", path, "post")
		schema := follow(doc, at(t, post, "requestBody", "content", "application/json", "schema"))
		var required []string
		for _, name := range schema["required"].([]any) {
			required = append(required, name.(string))
		}
		for _, f := range info.Fields {
			if at(t, schema, "properties", f.Name) == nil || slices.Contains(required, f.Name) == f.Optional {
				t.Errorf("%s: field %s is not described, or not as required or optional as it is", info.Type, f.Name)
			}
		}
		if n := len(schema["properties"].(map[string]any)); n != len(info.Fields) || schema["additionalProperties"] != false {
			t.Errorf("%s: %d properties of %d fields", info.Type, n, len(info.Fields))
		}
	}
	if commands < 10 {
		t.Errorf("only %d commands were found", commands)
	}
	outcomes := slices.Collect(maps.Keys(doc["paths"].(map[string]any)))
	for _, path := range []string{"/v1/bank/account/{id}/commands/{command_id}", "/v1/bank/customer/{id}/commands/{command_id}"} {
		if !slices.Contains(outcomes, path) {
			t.Errorf("%s is not described", path)
		}
	}
}

func TestEveryTypeHasASchema(t *testing.T) {
	t.Parallel()
	text := serde.TypeInfo{Type: "string"}
	for want, info := range map[string]serde.TypeInfo{
		`{"type":"boolean"}`:                                         {Type: "boolean"},
		`{"format":"int32","type":"integer"}`:                        {Type: "int"},
		`{"format":"int64","type":["integer","null"]}`:               {Type: "long", Nullable: true},
		`{"format":"double","type":"number"}`:                        {Type: "double"},
		`{"contentEncoding":"base64","type":"string"}`:               {Type: "fixed", Size: 16},
		`{"format":"date-time","type":"string"}`:                     {Type: "long", Format: "timestamp-millis"},
		`{"format":"date","type":"string"}`:                          {Type: "int", Format: "date"},
		`{"enum":["A","B"],"type":"string"}`:                         {Type: "enum", Symbols: []string{"A", "B"}},
		`{"items":{"type":"string"},"type":"array"}`:                 {Type: "array", Items: &text},
		`{"additionalProperties":{"type":"string"},"type":"object"}`: {Type: "map", Items: &text},
		`{"anyOf":[{"enum":["A"],"type":"string"},{"type":"null"}]}`: {Type: "enum", Symbols: []string{"A"}, Nullable: true},
		`{"additionalProperties":false,"properties":{"s":{"default":"x","description":"d","type":"string","x-pii":true}},"required":[],"type":"object"}`: {
			Type: "record", Fields: []serde.FieldInfo{{Name: "s", Doc: "d", TypeInfo: text, Optional: true, Default: `"x"`, PII: true}},
		},
		`{}`: {Type: "something new"},
	} {
		got, err := json.Marshal(valueSchema(info))
		if err != nil || string(got) != want {
			t.Errorf("%+v: %s, %v; want %s", info, got, err, want)
		}
	}
}
