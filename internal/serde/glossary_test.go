package serde

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"recount/domain"
	"recount/schemas/avro"
)

// TestTheGlossaryIsCurrent: docs/events.md says of every event and command what its schemas do.
func TestTheGlossaryIsCurrent(t *testing.T) {
	t.Parallel()
	catalog, err := NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	files, err := readFiles(avro.FS)
	if err != nil {
		t.Fatal(err)
	}
	want, err := glossary{catalog, files}.page()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("..", "..", "docs", "events.md")
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s does not say what the schemas do (%v): go test ./internal/serde -run %s -update", path, err, t.Name())
	}
	for _, words := range []string{"`FundsDeposited`", "`bank.account.deposit`", "| `channel` | string, else empty | 2 |", "personal", "| `lines[].sku` |", "A process", "recount.CommandMeta", "| `source.offset` |"} {
		if !bytes.Contains(want, []byte(words)) {
			t.Errorf("the page lacks %q", words)
		}
	}
}

// TestEverythingIsExplained: a glossary of names alone would be none.
func TestEverythingIsExplained(t *testing.T) {
	t.Parallel()
	files, err := readFiles(avro.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, versions := range files {
		for _, f := range versions {
			s, err := parseGlossed(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(f.record, sharedScope+".") {
				continue // see plain
			}
			if s.Doc == "" {
				t.Errorf("%s has no doc", f.path)
			}
			for _, field := range s.rows("", false) {
				if field.doc == "" {
					t.Errorf("%s: field %s has no doc", f.path, field.name)
				}
			}
		}
	}
}

// glossary writes docs/events.md.
type glossary struct {
	catalog *Catalog
	files   map[string]map[int]schemaFile
}

const glossaryHead = `# Events and commands

Every event and command there is, by context and aggregate, as the newest version of its schema has it; a test compares this page
with the schemas. The data follows a field ` + "`meta`" + `, whose own fields are at the end. *Since* is the version that brought a field:
what was written before has its default. *personal* marks personal data.
`

func (g glossary) page() ([]byte, error) {
	out := bytes.NewBufferString(glossaryHead)
	for _, name := range slices.Sorted(maps.Keys(g.catalog.contexts)) {
		ctx := g.catalog.contexts[name]
		fmt.Fprintf(out, "\n## Context `%s`\n", name)
		for _, aggregate := range slices.Sorted(maps.Keys(ctx.types)) {
			types, kind := ctx.types[aggregate], ""
			var events, commands []*record
			for _, r := range types.events {
				events = append(events, r)
				if r.history {
					kind = "A process: these are its history, in `" + name + ".processes`.\n"
				}
			}
			for _, r := range ctx.commands {
				if r.aggregate.Name() == aggregate {
					commands = append(commands, r)
				}
			}
			fmt.Fprintf(out, "\n### `%s`\n%s", aggregate, kind)
			if err := g.records(out, "Events", events); err != nil {
				return nil, err
			}
			if err := g.records(out, "Commands", commands); err != nil {
				return nil, err
			}
		}
	}
	fmt.Fprint(out, "\n## The metas\n")
	err := g.records(out, "Of events and refusals, and of commands", []*record{g.catalog.meta, g.catalog.commandMeta})
	return out.Bytes(), err
}

func (g glossary) records(out *bytes.Buffer, title string, records []*record) error {
	if len(records) == 0 {
		return nil
	}
	fmt.Fprintf(out, "\n#### %s\n", title)
	slices.SortFunc(records, func(a, b *record) int { return strings.Compare(a.name, b.name) })
	for _, r := range records {
		if err := g.record(out, r); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

func (g glossary) record(out *bytes.Buffer, r *record) error {
	since := map[string]int{}
	var newest glossed
	for n := 1; n <= len(g.files[r.name]); n++ {
		var err error
		if newest, err = parseGlossed(g.files[r.name][n]); err != nil {
			return err
		}
		for _, row := range newest.rows("", false) {
			if since[row.name] == 0 {
				since[row.name] = n
			}
		}
	}
	name := r.wire
	if name == "" {
		name = r.name
	}
	fmt.Fprintf(out, "\n**`%s`** (version %d): %s\n", name, len(g.files[r.name]), newest.Doc)
	rows := newest.rows("", false)
	if len(rows) == 0 {
		return nil
	}
	fmt.Fprint(out, "\n| field | type | since | meaning |\n|---|---|---|---|\n")
	for _, row := range rows {
		doc := strings.ReplaceAll(row.doc, "|", `\|`)
		if doc == "" {
			doc = plain()[row.name]
		}
		if row.pii {
			doc += " *(personal)*"
		}
		fmt.Fprintf(out, "| `%s` | %s | %d | %s |\n", row.name, row.kind, since[row.name], doc)
	}
	return nil
}

// plain are the meanings of fields of the metas whose schemas leave it at their names.
func plain() map[string]string {
	return map[string]string{
		"aggregate_id": "Whose it is; unique within its aggregate type", "command_id": "The command that was decided",
		"source": "Where that command stood", "source.topic": "Its topic", "source.partition": "Its partition", "source.offset": "Its offset",
	}
}

// glossed is what a glossary takes of a record's schema.
type glossed struct {
	Doc    string `json:"doc"`
	Fields []struct {
		Name    string          `json:"name"`
		Doc     string          `json:"doc"`
		PII     bool            `json:"pii"`
		Type    json.RawMessage `json:"type"`
		Default json.RawMessage `json:"default"`
	} `json:"fields"`
}

func parseGlossed(f schemaFile) (s glossed, err error) {
	if err = json.Unmarshal(f.text, &s); err != nil {
		err = fmt.Errorf("%s: %w", f.path, err)
	}
	return s, err
}

// glossedField is a row of a table. What lies within a record has a name such as ship_to.street or lines[].sku.
type glossedField struct {
	name, kind, doc string
	pii             bool
}

func (s glossed) rows(within string, pii bool) (out []glossedField) {
	for _, f := range s.Fields {
		if within == "" && f.Name == "meta" {
			continue
		}
		row := glossedField{name: within + f.Name, doc: f.Doc, pii: f.PII || pii}
		kind, suffix, inner := kindOf(f.Type)
		if row.kind = kind; f.Default != nil {
			row.kind += ", else " + defaultOf(f.Default)
		}
		out = append(out, row)
		if inner != nil {
			out = append(out, inner.rows(row.name+suffix+".", row.pii)...)
		}
	}
	return out
}

func defaultOf(raw json.RawMessage) string {
	switch text := string(raw); text {
	case `""`, "[]", "{}":
		return "empty"
	case "null":
		return "none"
	default:
		return "`" + text + "`"
	}
}

// kindOf names a type for people. inner is the record in it, if any, and suffix what leads there.
func kindOf(raw json.RawMessage) (kind, suffix string, inner *glossed) {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return name, "", nil
	}
	var branches []json.RawMessage
	if json.Unmarshal(raw, &branches) == nil {
		for _, b := range branches {
			if string(b) != `"null"` {
				kind, suffix, inner = kindOf(b)
			}
		}
		return kind + " or none", suffix, inner
	}
	var t struct {
		Type        string          `json:"type"`
		LogicalType string          `json:"logicalType"`
		Items       json.RawMessage `json:"items"`
		Values      json.RawMessage `json:"values"`
		Symbols     []string        `json:"symbols"`
		Size        int             `json:"size"`
	}
	if err := json.Unmarshal(raw, &t); err != nil {
		return string(raw), "", nil
	}
	switch {
	case t.LogicalType != "":
		return t.Type + " (" + t.LogicalType + ")", "", nil
	case t.Type == "array":
		kind, _, inner = kindOf(t.Items)
		return "list of " + kind, "[]", inner
	case t.Type == "map":
		kind, _, inner = kindOf(t.Values)
		return "map of " + kind, "{}", inner
	case t.Type == "enum":
		return "one of " + strings.Join(t.Symbols, ", "), "", nil
	case t.Type == "fixed":
		return fmt.Sprintf("%d bytes", t.Size), "", nil
	case t.Type == "record":
		inner = &glossed{}
		if json.Unmarshal(raw, inner) != nil {
			inner = nil
		}
		return "record", "", inner
	}
	return t.Type, "", nil
}
