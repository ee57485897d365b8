package serde

import (
	"strings"
	"testing"
	"testing/fstest"

	"recount/domain"
	"recount/internal/es"
	"recount/schemas/avro"
)

func TestCatalogFits(t *testing.T) {
	t.Parallel()
	if _, err := NewCatalog(avro.FS, domain.Contexts()); err != nil {
		t.Fatal(err)
	}
	libraryCatalog(t)
}

// Go types that fit their schemas at a glance only.

type misnamed struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Lang     string `avro:"lang"` // the schema says language, and gives it a default
	Language string `avro:"-"`
}

type surplus struct {
	bookAddedFields
	Colour string `avro:"colour"`
}

type bookAddedFields struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Language string `avro:"language"`
	Shelf    string `avro:"shelf"`
}

type extra struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Language string `avro:"language"`
	Shelf    string `avro:"shelf"`
	Colour   string `avro:"colour"`
}

type hidden struct {
	Title    string `avro:"title"`
	Pages    int32  `avro:"pages"`
	Language string `avro:"language"`
	Shelf    string `avro:"shelf"`
	_        string
}

type narrow struct {
	Title    string `avro:"title"`
	Pages    bool   `avro:"pages"`
	Language string `avro:"language"`
	Shelf    string `avro:"shelf"`
}

func (misnamed) bookEvent() {}
func (surplus) bookEvent()  {}
func (extra) bookEvent()    {}
func (hidden) bookEvent()   {}
func (narrow) bookEvent()   {}

func withEvent(name string, zero bookEvent) []es.Context {
	b := bookType()
	b.Events[name] = zero
	return libraryWith(b)
}

// fault is a mistake somebody will make one day, and what is said about it.
type fault struct {
	schemas  fstest.MapFS
	contexts []es.Context
	says     string
}

func expectFaults(t *testing.T, faults map[string]fault) {
	t.Helper()
	for name, tc := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewCatalog(tc.schemas, tc.contexts)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("NewCatalog = %v\nwant it to say: %s", err, tc.says)
			}
		})
	}
}

// without returns the library's schemas without the file at path.
func without(t *testing.T, path string) fstest.MapFS {
	t.Helper()
	schemas := librarySchemas(t)
	delete(schemas, path)
	return schemas
}

// with returns the library's schemas with text as the file at path.
func with(t *testing.T, path, text string) fstest.MapFS {
	t.Helper()
	schemas := librarySchemas(t)
	schemas[path] = &fstest.MapFile{Data: []byte(text)}
	return schemas
}

const (
	addedFile = "library/book/BookAdded.v3.avsc"
	addFile   = "library/book/Add.v2.avsc"
)

func TestTypesThatDoNotFitTheirSchemas(t *testing.T) {
	t.Parallel()
	fine := librarySchemas(t)
	expectFaults(t, map[string]fault{
		"a misnamed Go field":           {fine, withEvent("BookAdded", misnamed{}), addedFile + ": bound to serde.misnamed"},
		"a Go field nobody writes":      {fine, withEvent("BookAdded", extra{}), addedFile + ": bound to serde.extra: wrote"},
		"a Go field that can't be read": {fine, withEvent("BookAdded", hidden{}), addedFile + ": bound to serde.hidden: field _ is not exported"},
		"an embedded type not exported": {fine, withEvent("BookAdded", surplus{}), addedFile + ": bound to serde.surplus: field bookAddedFields is not exported"},
		"a Go field of another type":    {fine, withEvent("BookAdded", narrow{}), addedFile + ": bound to serde.narrow"},
		"a pointer for a struct":        {fine, withEvent("BookAdded", &bookAdded{}), addedFile + ": it is declared with *serde.bookAdded"},
		"nil for a struct":              {fine, withEvent("BookAdded", nil), addedFile + ": it is declared with <nil>"},
		"a field the Go type lacks":     {altered(t, addedFile, `{"name": "shelf"`, `{"name": "colour", "type": "string", "default": ""}, {"name": "shelf"`), library(), addedFile + ": bound to serde.bookAdded"},
		"one Go type for two events":    {with(t, "library/book/BookFound.v1.avsc", strings.ReplaceAll(string(fine["library/book/BookAdded.v1.avsc"].Data), "BookAdded", "BookFound")), withEvent("BookFound", bookAdded{}), "nothing could tell them apart"},
	})
}

func TestFilesThatDoNotFitWhatIsDeclared(t *testing.T) {
	t.Parallel()
	fine, one := librarySchemas(t), library()
	lessUpcasts := bookType()
	lessUpcasts.Upcasts["BookAdded"] = lessUpcasts.Upcasts["BookAdded"][:1]
	expectFaults(t, map[string]fault{
		"a declared type without a file":  {without(t, "library/reader/Join.v1.avsc"), one, "library.reader.Join is declared and has no schema: add library/reader/Join.v1.avsc"},
		"a file nobody declares":          {with(t, "library/book/BookLost.v1.avsc", `{"type":"record","name":"BookLost","namespace":"library.book","fields":[{"name":"meta","type":"recount.Meta"}]}`), one, "library/book/BookLost.v1.avsc: no context declares library.book.BookLost"},
		"a version more than upcasts say": {fine, libraryWith(lessUpcasts), addedFile + ": 3 versions need 2 upcasts, and 1 are declared"},
		"a version less than upcasts say": {without(t, addedFile), one, "library/book/BookAdded.v2.avsc: 2 versions need 1 upcasts, and 2 are declared"},
		"a version missing in between":    {without(t, "library/book/BookAdded.v2.avsc"), one, "library.book.BookAdded: version 2 is missing"},
		"a command's version missing":     {without(t, "library/book/Add.v1.avsc"), one, "library.book.Add: version 1 is missing"},
		"a version that says nothing new": {with(t, addFile, string(fine["library/book/Add.v1.avsc"].Data)), one, addFile + ": it says the same as version 1"},
		"a shared type missing":           {without(t, "recount/Meta.v1.avsc"), one, "recount.Meta is declared and has no schema: add recount/Meta.v1.avsc"},
		"a shared type of no use":         {with(t, "recount/Note.v1.avsc", `{"type":"record","name":"Note","namespace":"recount","fields":[]}`), one, "recount/Note.v1.avsc: no context declares recount.Note"},
	})
}

func TestNamesThatCanNotBe(t *testing.T) {
	t.Parallel()
	fine, one := librarySchemas(t), library()
	alike := bookType()
	alike.Commands["SetIsbnCode"] = setISBNCode{}
	expectFaults(t, map[string]fault{
		"a strange path":                  {with(t, "library/BookAdded.avsc", `{}`), one, "library/BookAdded.avsc: a schema's path must look like"},
		"another namespace than its path": {altered(t, addedFile, `"library.book"`, `"library.books"`), one, addedFile + `: it defines "library.books.BookAdded", its path says "library.book.BookAdded"`},
		"another name than its path":      {altered(t, addedFile, `"name": "BookAdded"`, `"name": "Bookadded"`), one, addedFile + `: it defines "library.book.Bookadded"`},
		"commands alike on the wire":      {with(t, "library/book/SetIsbnCode.v1.avsc", `{}`), libraryWith(alike), "are both called library.book.set-isbn-code"},
		"a context twice":                 {fine, append(library(), library()...), "context library is declared twice"},
		"a context called recount":        {fine, append(library(), es.Context{Name: "recount"}), `"recount" can't be a context's name`},
		"a context in capitals":           {fine, append(library(), es.Context{Name: "Shop"}), `"Shop" can't be a context's name`},
		"an aggregate twice":              {fine, []es.Context{{Name: "library", Aggregates: []es.AggregateType{readerType(), readerType(), es.Declare(bookType())}}}, "aggregate library.reader is declared twice"},
	})
}

func TestSchemasThatCanNotBeKeptTo(t *testing.T) {
	t.Parallel()
	one := library()
	expectFaults(t, map[string]fault{
		"no JSON":                        {altered(t, addedFile, `"record",`, `"record"`), one, addedFile + ": not JSON"},
		"no Avro":                        {altered(t, addedFile, `"int"`, `"integer"`), one, addedFile + ": "},
		"no record":                      {with(t, addedFile, `"string"`), one, addedFile + ": "},
		"no fields":                      {altered(t, "library/book/SetISBNCode.v1.avsc", `{"name": "meta", "type": "recount.CommandMeta"}`, ``), one, `SetISBNCode.v1.avsc: the first field must be {"name":"meta","type":"recount.CommandMeta"}`},
		"meta is not first":              {altered(t, addFile, `{"name": "meta", "type": "recount.CommandMeta"},`, ``, `"default": "en"}`, `"default": "en"}, {"name": "meta", "type": "recount.CommandMeta"}`), one, addFile + `: the first field must be {"name":"meta","type":"recount.CommandMeta"}`},
		"meta is called otherwise":       {altered(t, addFile, `"meta"`, `"head"`), one, addFile + `: the first field must be {"name":"meta","type":"recount.CommandMeta"}`},
		"an event with a command's meta": {altered(t, addedFile, `recount.Meta`, `recount.CommandMeta`), one, addedFile + `: the first field must be {"name":"meta","type":"recount.Meta"}`},
		"a version of meta there is not": {altered(t, addedFile, `"type": "recount.Meta"`, `"type": "recount.Meta", "version": 2`), one, addedFile + ": its first field needs recount.Meta version 2, and there is no such file"},
		"a mark in quotes":               {altered(t, "library/reader/Join.v1.avsc", `"pii": true`, `"pii": "true"`), one, `Join.v1.avsc: name: "pii" must be true or false`},
		"a mark on the type":             {altered(t, "library/reader/Join.v1.avsc", `"type": "string", "pii": true`, `"type": {"type": "string", "pii": true}`), one, `Join.v1.avsc: name: "pii" belongs to the field`},
		"a union of two values":          {altered(t, "library/book/BookCatalogued.v1.avsc", `["null", "string"]`, `["null", "string", "long"]`), one, "BookCatalogued.v1.avsc: subtitle: a union must be null and one other type"},
		"a logical type of no support":   {altered(t, "library/book/BookCatalogued.v1.avsc", `"timestamp-micros"`, `"time-micros"`), one, "scanned_at: logical type time-micros is not supported"},
		"a type within itself":           {altered(t, "library/book/BookCatalogued.v1.avsc", `{"name": "name", "type": "string", "pii": true}`, `{"name": "name", "type": "string", "pii": true}, {"name": "heirs", "type": {"type": "array", "items": "Person"}}`), one, "refers to itself"},
		"versions that do not fit":       {altered(t, addedFile, `"shelf", "type": "string", "default": ""`, `"shelf", "type": "string"`), one, "library/book/BookAdded.v1.avsc: it can't be read as the newest version"},
	})
}

func TestAllFaultsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	schemas := altered(t, "library/reader/Join.v1.avsc", `"record"`, `"recard"`)
	delete(schemas, "library/book/SetISBNCode.v1.avsc")
	_, err := NewCatalog(schemas, withEvent("BookAdded", misnamed{}))
	for _, part := range []string{"Join.v1.avsc", "SetISBNCode", "misnamed"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("NewCatalog = %v, want it to speak of %s", err, part)
		}
	}
}

// A second version of a shared type must not change a single byte of what was ever registered with the first.
func TestMetaVersionIsPinned(t *testing.T) {
	t.Parallel()
	const path = "recount/Meta.v2.avsc"
	schemas := librarySchemas(t)
	before, err := NewCatalog(schemas, library())
	if err != nil {
		t.Fatal(err)
	}
	first := string(schemas["recount/Meta.v1.avsc"].Data)
	schemas[path] = &fstest.MapFile{Data: []byte(strings.Replace(first, `{"name": "actor"`, `{"name": "region", "type": "string", "default": ""}, {"name": "actor"`, 1))}
	pinned := strings.Replace(string(schemas["library/reader/ReaderJoined.v1.avsc"].Data), `"recount.Meta"`, `"recount.Meta", "version": 2`, 1)
	schemas["library/reader/ReaderJoined.v1.avsc"] = &fstest.MapFile{Data: []byte(pinned)}
	files, err := readFiles(schemas)
	if err != nil {
		t.Fatal(err)
	}
	for name, wantRegion := range map[string]bool{"library.reader.ReaderJoined": true, "library.book.BookCatalogued": false} {
		text, _, err := selfContained(files[name][1], files)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(text, "region") != wantRegion {
			t.Errorf("%s has a region: %t", name, !wantRegion)
		}
		if same := text == before.records[name].newest().text; same == wantRegion {
			t.Errorf("%s is as before: %t", name, same)
		}
	}
}

func TestKebab(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Deposit": "deposit", "ChangeAddress": "change-address", "SetIBANCode": "set-iban-code",
		"OpenV2": "open-v2", "A": "a", "UseTLS": "use-tls", "TLS": "tls",
	} {
		if got := kebab(name); got != want {
			t.Errorf("kebab(%s) = %s, want %s", name, got, want)
		}
	}
}
