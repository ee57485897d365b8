package serde

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// CheckCompatibility is the gate over the schema files: every version of a record must be able to read what every other
// version of it wrote, earlier and later (FULL_TRANSITIVE). A registry checks the same, where it checks at all, and only
// once the files are out in the world.
func CheckCompatibility(schemas fs.FS) error {
	files, err := readFiles(schemas)
	faults := []error{err}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		faults = append(faults, compatible(files[name], files))
	}
	return errors.Join(faults...)
}

func compatible(versions map[int]schemaFile, files map[string]map[int]schemaFile) error {
	parsed := map[int]*avro.Schema{}
	for n, f := range versions {
		text, _, err := selfContained(f, files)
		if err == nil {
			parsed[n], err = avro.Parse(text)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", f.path, err)
		}
	}
	var faults []error
	for _, writer := range slices.Sorted(maps.Keys(parsed)) {
		for _, reader := range slices.Sorted(maps.Keys(parsed)) {
			if err := avro.CheckCompatibility(parsed[writer], parsed[reader]); err != nil {
				faults = append(faults, fmt.Errorf("%s can't read what %s writes (a new field needs a default, and so does one that is left out later): %w",
					versions[reader].path, versions[writer].path, err))
			}
		}
	}
	return errors.Join(faults...)
}

// Fingerprints appends to recorded, which it returns with a line for every schema file that has none yet:
//
//	bank/account/Deposit.v1.avsc <fingerprint of the Parsing Canonical Form> <fingerprint of all but the documentation>
//
// The first is what the chains of events depend on. It leaves out defaults, logical types and marks of personal data, so
// the second covers the rest. An error says which files no longer are what their lines say, or are gone: files are
// added, never edited.
func Fingerprints(recorded []byte, schemas fs.FS) ([]byte, error) {
	files, err := readFiles(schemas)
	if err != nil {
		return nil, err
	}
	current := map[string]string{}
	for _, versions := range files {
		for _, f := range versions {
			if current[f.path], err = fingerprintLine(f, files); err != nil {
				return nil, fmt.Errorf("%s: %w", f.path, err)
			}
		}
	}
	lines := slices.Collect(strings.Lines(string(recorded)))
	var faults []error
	for _, line := range lines {
		path, _, _ := strings.Cut(line, " ")
		switch now, ok := current[path]; {
		case !ok:
			faults = append(faults, fmt.Errorf("%s is gone: records written with it are not", path))
		case now != line:
			faults = append(faults, fmt.Errorf("%s was edited: restore it, and say what is new in the next version", path))
		}
		delete(current, path)
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	lines = slices.AppendSeq(lines, maps.Values(current))
	slices.Sort(lines)
	return []byte(strings.Join(lines, "")), nil
}

func fingerprintLine(f schemaFile, files map[string]map[int]schemaFile) (string, error) {
	text, _, err := selfContained(f, files)
	if err != nil {
		return "", err
	}
	schema, err := avro.Parse(text)
	if err != nil {
		return "", err
	}
	undocumented, err := withoutDoc(f.text)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s %s %s\n", f.path, fingerprint(schema), es.Hash(sha256.Sum256(undocumented))), nil
}

// withoutDoc returns a schema's JSON without its documentation, keys in order.
func withoutDoc(text []byte) ([]byte, error) {
	tokens := json.NewDecoder(bytes.NewReader(text))
	tokens.UseNumber()
	var schema any
	if err := tokens.Decode(&schema); err != nil {
		return nil, err
	}
	dropDoc(schema)
	return json.Marshal(schema)
}

func dropDoc(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			dropDoc(item)
		}
	case map[string]any:
		delete(v, "doc")
		for key, inner := range v {
			if key != "default" { // a value, which may have a field called doc
				dropDoc(inner)
			}
		}
	}
}
