package serde

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// sharedScope is the folder and the namespace of the types that every context uses.
const sharedScope = "recount"

// fileName is what the path of a schema file must look like: the folders are the namespace.
var fileName = regexp.MustCompile(`^([a-z][a-z0-9_]*(?:/[a-z][a-z0-9_]*)?)/([A-Z][A-Za-z0-9]*)\.v([1-9][0-9]{0,3})\.avsc$`)

// schemaFile is one version of one record, as it stands on disk.
type schemaFile struct {
	path    string // bank/account/FundsDeposited.v2.avsc
	record  string // bank.account.FundsDeposited
	version int
	text    []byte // compact JSON
}

// readFiles reads every .avsc of schemas, by record and version. A file that can't be used is a fault; the others are returned all the same.
func readFiles(schemas fs.FS) (map[string]map[int]schemaFile, error) {
	files := map[string]map[int]schemaFile{}
	var faults []error
	err := fs.WalkDir(schemas, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || path.Ext(p) != ".avsc" {
			return err
		}
		f, err := readFile(schemas, p)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", p, err))
			return nil
		}
		if files[f.record] == nil {
			files[f.record] = map[int]schemaFile{}
		}
		files[f.record][f.version] = f
		return nil
	})
	return files, errors.Join(append(faults, err)...)
}

func readFile(schemas fs.FS, p string) (schemaFile, error) {
	part := fileName.FindStringSubmatch(p)
	if part == nil {
		return schemaFile{}, errors.New("a schema's path must look like <context>/<aggregate>/<Name>.v<N>.avsc, folders in lower case")
	}
	raw, err := fs.ReadFile(schemas, p)
	if err != nil {
		return schemaFile{}, err
	}
	var text bytes.Buffer
	if err := json.Compact(&text, raw); err != nil {
		return schemaFile{}, fmt.Errorf("not JSON: %w", err)
	}
	version, err := strconv.Atoi(part[3])
	if err != nil {
		return schemaFile{}, err
	}
	record := strings.ReplaceAll(part[1], "/", ".") + "." + part[2]
	return schemaFile{path: p, record: record, version: version, text: text.Bytes()}, nil
}

// metaField is the first field of a schema file.
type metaField struct {
	Name string          `json:"name"`
	Type json.RawMessage `json:"type"`
	// Version pins the version of the shared type named in Type; 1 unless given. Without a pin, a second version of the
	// shared type would change every schema that was ever written with the first.
	Version int `json:"version"`
}

// selfContained returns f's schema with the shared type of its meta field written out in place of its name, so that it
// means the same wherever it is registered. meta is that type's file, empty in a record that does not begin so.
func selfContained(f schemaFile, shared map[string]map[int]schemaFile) (text string, meta schemaFile, err error) {
	var record struct {
		Fields []json.RawMessage `json:"fields"`
	}
	if err := json.Unmarshal(f.text, &record); err != nil {
		return "", schemaFile{}, fmt.Errorf("not a record's schema: %w", err)
	}
	if len(record.Fields) == 0 {
		return string(f.text), schemaFile{}, nil
	}
	first, field := record.Fields[0], metaField{Version: 1}
	if err := json.Unmarshal(first, &field); err != nil {
		return "", schemaFile{}, fmt.Errorf("its first field is not a field's schema: %w", err)
	}
	var metaType string
	if field.Name != "meta" || json.Unmarshal(field.Type, &metaType) != nil {
		return string(f.text), schemaFile{}, nil // the Avro parser judges it
	}
	meta, ok := shared[metaType][field.Version]
	if !ok {
		return "", schemaFile{}, fmt.Errorf("its first field needs %s version %d, and there is no such file", metaType, field.Version)
	}
	inlined := bytes.Replace(first, field.Type, meta.text, 1)
	return string(bytes.Replace(f.text, first, inlined, 1)), meta, nil
}

// pathOf is the place of a record's file.
func pathOf(record string, version int) string {
	return fmt.Sprintf("%s.v%d.avsc", strings.ReplaceAll(record, ".", "/"), version)
}
