package serde

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"recount/schemas/avro"
)

var update = flag.Bool("update", false, "record the fingerprints of new schema files")

const fingerprintsFile = "../../schemas/avro/fingerprints.txt"

func TestSchemasAreCompatible(t *testing.T) {
	t.Parallel()
	if err := CheckCompatibility(avro.FS); err != nil {
		t.Fatal(err)
	}
}

// The gate is no gate unless it shuts: each of these is a change that somebody will one day try to make.
func TestGateShuts(t *testing.T) {
	t.Parallel()
	const v3 = "library/book/BookAdded.v3.avsc"
	for name, tc := range map[string]struct {
		oldNew []string
		says   string
	}{
		"a new field without a default":    {[]string{`"shelf", "type": "string", "default": ""`, `"shelf", "type": "string"`}, "v3.avsc can't read what library/book/BookAdded.v1.avsc writes"},
		"a required field left out":        {[]string{`{"name": "pages", "type": "int"},`, ``}, "v2.avsc can't read what library/book/BookAdded.v3.avsc writes"},
		"another type":                     {[]string{`"pages", "type": "int"`, `"pages", "type": "string"`}, "v3.avsc can't read what library/book/BookAdded.v2.avsc writes"},
		"a type widened, one way only":     {[]string{`"pages", "type": "int"`, `"pages", "type": "long"`}, "v1.avsc can't read what library/book/BookAdded.v3.avsc writes"},
		"a field that may be null at last": {[]string{`"title", "type": "string"`, `"title", "type": ["null", "string"], "default": null`}, "v1.avsc can't read what library/book/BookAdded.v3.avsc writes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := CheckCompatibility(altered(t, v3, tc.oldNew...))
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("CheckCompatibility = %v, want it to say %q", err, tc.says)
			}
		})
	}
}

// A chain of steps, each compatible with the last, can still end in what the first can't read.
func TestGateIsTransitive(t *testing.T) {
	t.Parallel()
	schemas := fstest.MapFS{}
	for path, field := range map[string]string{
		"a/b/C.v1.avsc": `{"name":"x","type":"int","default":0}`,
		"a/b/C.v2.avsc": ``,
		"a/b/C.v3.avsc": `{"name":"x","type":"string","default":""}`,
	} {
		schemas[path] = &fstest.MapFile{Data: []byte(`{"type":"record","name":"C","namespace":"a.b","fields":[` + field + `]}`)}
	}
	err := CheckCompatibility(schemas)
	if err == nil || !strings.Contains(err.Error(), "C.v3.avsc can't read what a/b/C.v1.avsc writes") {
		t.Fatalf("CheckCompatibility = %v", err)
	}
	for _, fine := range []string{"a/b/C.v1.avsc", "a/b/C.v3.avsc"} { // the steps alone are compatible
		if strings.Contains(err.Error(), "what a/b/C.v2.avsc writes") || strings.Contains(err.Error(), "C.v2.avsc can't") {
			t.Fatalf("%s and version 2 are compatible: %v", fine, err)
		}
	}
}

func TestSchemaFilesAreAppendOnly(t *testing.T) {
	t.Parallel()
	recorded, err := os.ReadFile(fingerprintsFile)
	if err != nil {
		t.Fatal(err)
	}
	now, err := Fingerprints(recorded, avro.FS)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(fingerprintsFile, now, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(recorded, now) {
		t.Fatalf("there are new schema files: record them with go test ./internal/serde -run %s -update", t.Name())
	}
}

func TestEditedSchemaFileIsFound(t *testing.T) {
	t.Parallel()
	const v1 = "library/book/BookAdded.v1.avsc"
	recorded, err := Fingerprints(nil, librarySchemas(t))
	if err != nil {
		t.Fatal(err)
	}
	gone := librarySchemas(t)
	delete(gone, v1)
	for name, tc := range map[string]struct {
		schemas fstest.MapFS
		says    string
	}{
		"a field's type":       {altered(t, v1, `"pages", "type": "int"`, `"pages", "type": "long"`), v1 + " was edited"},
		"a default":            {altered(t, "library/book/Add.v2.avsc", `"default": "en"`, `"default": "de"`), "library/book/Add.v2.avsc was edited"},
		"a mark removed":       {altered(t, "library/reader/Join.v1.avsc", `, "pii": true`, ``), "library/reader/Join.v1.avsc was edited"},
		"a logical type":       {altered(t, "library/book/BookCatalogued.v1.avsc", `"int", "logicalType": "date"`, `"int"`), "BookCatalogued.v1.avsc was edited"},
		"the shared meta":      {altered(t, "recount/Meta.v1.avsc", `"name": "actor", "type": "string"`, `"name": "actor", "type": "bytes"`), v1 + " was edited"},
		"a file removed":       {gone, v1 + " is gone"},
		"documentation alone":  {altered(t, v1, "As printed on the cover", "As on the cover"), ""},
		"order and whitespace": {altered(t, v1, `"type": "record",`, ``, `"name": "BookAdded",`, `"name": "BookAdded", "type":"record",`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Fingerprints(recorded, tc.schemas)
			if tc.says == "" && err != nil || tc.says != "" && (err == nil || !strings.Contains(err.Error(), tc.says)) {
				t.Fatalf("Fingerprints = %v, want it to say %q", err, tc.says)
			}
		})
	}
}

func TestFingerprintsAreAppended(t *testing.T) {
	t.Parallel()
	schemas := librarySchemas(t)
	delete(schemas, "library/book/BookAdded.v3.avsc")
	before, err := Fingerprints(nil, schemas)
	if err != nil {
		t.Fatal(err)
	}
	after, err := Fingerprints(before, librarySchemas(t))
	if err != nil {
		t.Fatal(err)
	}
	if added := len(bytes.Split(after, []byte("\n"))) - len(bytes.Split(before, []byte("\n"))); added != 1 {
		t.Fatalf("%d lines were added for one file", added)
	}
}
