package serde

import (
	"io/fs"
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"recount/internal/es"
	"recount/schemas/avro"
)

// The context "library" has, in few records, everything the package must cope with. Its schemas are in testdata/schemas.

type bookCommand interface{ bookCommand() }

type add struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Language string `avro:"language"`
}

type catalogue catalogued

type setISBNCode struct{}

func (add) bookCommand()         {}
func (catalogue) bookCommand()   {}
func (setISBNCode) bookCommand() {}

type bookEvent interface{ bookEvent() }

type bookAdded struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Language string `avro:"language"`
	Shelf    string `avro:"shelf"`
}

type person struct {
	Name string `avro:"name"`
	Born int32  `avro:"born"`
}

type catalogued struct {
	Lendable   bool             `avro:"lendable"`
	Copies     int32            `avro:"copies"`
	Price      int64            `avro:"price"`
	Weight     float32          `avro:"weight"`
	Rating     float64          `avro:"rating"`
	Cover      []byte           `avro:"cover"`
	Digest     [4]byte          `avro:"digest"`
	Binding    string           `avro:"binding"`
	Editor     person           `avro:"editor"`
	Authors    []person         `avro:"authors"`
	Tags       []string         `avro:"tags"`
	Stock      map[string]int64 `avro:"stock"`
	Subtitle   *string          `avro:"subtitle"`
	Translator *person          `avro:"translator"`
	PrintedAt  int64            `avro:"printed_at"`
	ScannedAt  *int64           `avro:"scanned_at"`
}

func (bookAdded) bookEvent()  {}
func (catalogued) bookEvent() {}

// book is a state with everything a state may have.
type book struct {
	Title   string `avro:"title"`
	Pages   int32
	Shelves map[string]uint32
	Authors []person
	Editor  *person
	Digest  [4]byte
	Cover   []byte
	Price   int64
	Ratings [2]float64
	Placed
}

// Placed is embedded in a state without a name of its own: its fields are the state's.
type Placed struct {
	Shelf string `avro:"shelf"`
}

func (b book) Decide(bookCommand) ([]bookEvent, error) { return nil, nil }
func (b book) Evolve(bookEvent) book                   { return b }

func bookType() es.Type[book, bookCommand, bookEvent] {
	return es.Type[book, bookCommand, bookEvent]{
		Name: "book", Revision: 3,
		Commands: map[string]bookCommand{"Add": add{}, "Catalogue": catalogue{}, "SetISBNCode": setISBNCode{}},
		Events:   map[string]bookEvent{"BookAdded": bookAdded{}, "BookCatalogued": catalogued{}},
		Upcasts: map[string][]func(bookEvent) bookEvent{"BookAdded": {
			func(e bookEvent) bookEvent { b := e.(bookAdded); b.Language = "unknown"; return b },
			func(e bookEvent) bookEvent {
				b := e.(bookAdded)
				b.Shelf = b.Language + "/" + b.Title[:min(1, len(b.Title))]
				return b
			},
		}},
	}
}

type readerCommand interface{ readerCommand() }
type readerEvent interface{ readerEvent() }

type join struct {
	Name string `avro:"name"`
}

type readerJoined struct {
	Name string `avro:"name"`
}

func (join) readerCommand()       {}
func (readerJoined) readerEvent() {}

type readerState struct{ Name string }

func (r readerState) Decide(readerCommand) ([]readerEvent, error) { return nil, nil }
func (r readerState) Evolve(readerEvent) readerState              { return r }

func readerType() es.AggregateType {
	return es.Declare(es.Type[readerState, readerCommand, readerEvent]{
		Name:     "reader",
		Commands: map[string]readerCommand{"Join": join{}},
		Events:   map[string]readerEvent{"ReaderJoined": readerJoined{}},
	})
}

func library() []es.Context { return libraryWith(bookType()) }

func libraryWith(b es.Type[book, bookCommand, bookEvent]) []es.Context {
	return []es.Context{{Name: "library", Aggregates: []es.AggregateType{es.Declare(b), readerType()}}}
}

// librarySchemas returns the library's schemas beside the shared ones, to be altered at will.
func librarySchemas(t testing.TB) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, root := range []fs.FS{avro.FS, os.DirFS("testdata/schemas")} {
		err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
			ours := strings.HasPrefix(p, sharedScope+"/") || strings.HasPrefix(p, "library/")
			if err != nil || d.IsDir() || !ours {
				return err
			}
			text, err := fs.ReadFile(root, p)
			out[p] = &fstest.MapFile{Data: text}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// altered returns the library's schemas with each old text replaced by the new in the file at path.
func altered(t testing.TB, path string, oldNew ...string) fstest.MapFS {
	t.Helper()
	schemas := maps.Clone(librarySchemas(t))
	before := string(schemas[path].Data)
	after := strings.NewReplacer(oldNew...).Replace(before)
	if before == after {
		t.Fatalf("%s has no %q", path, oldNew[0])
	}
	schemas[path] = &fstest.MapFile{Data: []byte(after)}
	return schemas
}

func libraryCatalog(t testing.TB) *Catalog {
	t.Helper()
	catalog, err := NewCatalog(librarySchemas(t), library())
	if err != nil {
		t.Fatal(err)
	}
	return catalog
}
