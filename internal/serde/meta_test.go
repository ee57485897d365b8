package serde

import (
	"slices"
	"testing"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// TestMetasAreWhatTheirSchemasSay proves the metas' own code, and the proof: a schema with one field more, or with two
// in another order, does not pass for the newest.
func TestMetasAreWhatTheirSchemasSay(t *testing.T) {
	t.Parallel()
	catalog := libraryCatalog(t)
	meta, command := catalog.meta.newest().full, catalog.commandMeta.newest().full
	if err := proveMetas(meta, command); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(n *avro.SchemaNode){
		"another order":  func(n *avro.SchemaNode) { slices.Reverse(n.Fields) },
		"one field less": func(n *avro.SchemaNode) { n.Fields = n.Fields[:len(n.Fields)-1] },
	} {
		for _, s := range []*avro.Schema{meta, command} {
			other := *s.Root().ExpandReferences()
			other.Fields = slices.Clone(other.Fields)
			spoil(&other)
			spoiled, err := other.Schema()
			if err != nil {
				t.Fatal(err)
			}
			asMeta, asCommand := meta, command
			if s == meta {
				asMeta = spoiled
			} else {
				asCommand = spoiled
			}
			if err := proveMetas(asMeta, asCommand); err == nil {
				t.Errorf("%s: %s goes unnoticed", name, fullName(&other))
			}
		}
	}
}

// TestAMetaCutShortIsLeftToTheLibrary: what is not whole is read by the one that can say why.
func TestAMetaCutShortIsLeftToTheLibrary(t *testing.T) {
	t.Parallel()
	catalog := libraryCatalog(t)
	meta, command := filled[es.Meta](t), filled[es.CommandMeta](t)
	events := appendEventMeta(nil, &meta)
	commands, err := catalog.commandMeta.newest().full.Encode(&command)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range events {
		if _, ok := readEventMeta(events[:cut], new(es.Meta)); ok {
			t.Errorf("a meta cut at %d of %d is whole", cut, len(events))
		}
	}
	for cut := range commands {
		if _, ok := readCommandMeta(commands[:cut], new(es.CommandMeta)); ok {
			t.Errorf("a command's meta cut at %d of %d is whole", cut, len(commands))
		}
	}
}
