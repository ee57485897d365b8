package serde

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
)

var someone = es.CommandMeta{CommandID: "c-1", AggregateID: "b-1"}

func decodeCommand(t *testing.T, c *Codec, frame []byte) engine.Command {
	t.Helper()
	cmd, err := c.Context("library").DecodeCommand(frame)
	if err != nil {
		t.Fatal(err)
	}
	return cmd
}

const fullCatalogue = `{
	"lendable": true, "copies": -2147483648, "price": 9223372036854775807, "weight": 0.5, "rating": -1.25e-3,
	"cover": "AAEC/w==", "digest": "3q2+7w==", "binding": "LEATHER",
	"editor": {"name": "Jane \"J\" \\ud800 \ud83d\ude00Ω", "born": "1775-12-16"},
	"authors": [{"name": "A", "born": "1969-12-31"}, {"born": "1970-01-02", "name": ""}],
	"tags": [], "stock": {"main": 3, "": -1}, "subtitle": "x", "translator": {"name": "T", "born": "2000-01-01"},
	"printed_at": "1969-12-31T23:59:59.999+00:00", "scanned_at": "2026-03-01T12:00:00.000001+02:00"
}`

func TestCommandFromJSON(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	expected, validAt := int64(7), int64(1_700_000_000_000)
	meta := es.CommandMeta{
		CommandID: "c-1", AggregateID: "b-1", CorrelationID: "co", CausationID: "ca", Actor: "ann",
		ExpectedVersion: &expected, ValidAt: &validAt, ReplyTo: "i-1", ProcessID: "library/loan/1",
	}
	frame, err := c.CommandFromJSON("library.book.catalogue", meta, []byte(fullCatalogue))
	if err != nil {
		t.Fatal(err)
	}
	got := decodeCommand(t, c, frame)
	subtitle, scanned := "x", int64(1_772_359_200_000_001)
	want := catalogue{
		Lendable: true, Copies: -2147483648, Price: 9223372036854775807, Weight: 0.5, Rating: -1.25e-3,
		Cover: []byte{0, 1, 2, 255}, Digest: [4]byte{0xde, 0xad, 0xbe, 0xef}, Binding: "LEATHER",
		Editor:  person{"Jane \"J\" \\ud800 😀Ω", -70_873},
		Authors: []person{{"A", -1}, {"", 1}}, Tags: []string{}, Stock: map[string]int64{"main": 3, "": -1},
		Subtitle: &subtitle, Translator: &person{"T", 10_957}, PrintedAt: -1, ScannedAt: &scanned,
	}
	if !reflect.DeepEqual(got.Body, want) {
		t.Errorf("body = %+v\nwant   %+v", got.Body, want)
	}
	if !reflect.DeepEqual(got.Meta, meta) || got.Type != "library.book.catalogue" || got.Aggregate.Name() != "book" {
		t.Errorf("command = %+v", got)
	}
}

func TestCommandFromJSONFillsDefaults(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	frame, err := c.CommandFromJSON("library.book.catalogue", someone, []byte(`{"lendable": false}`))
	if err != nil {
		t.Fatal(err)
	}
	got := decodeCommand(t, c, frame).Body.(catalogue)
	want := catalogue{
		Copies: 1, Price: 9007199254740993, Weight: 1.5, Rating: -2.5, Cover: []byte{0, 255}, Digest: [4]byte{1, 2, 3, 4},
		Binding: "HARDCOVER", Editor: person{"anonymous", -1}, Authors: []person{{"A", 1}}, Tags: []string{"new"},
		Stock: map[string]int64{"main": 3}, PrintedAt: 1000,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("body = %+v\nwant   %+v", got, want)
	}
}

func TestCommandFromJSONWithoutFields(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	for _, data := range []string{"", " \n", "{}"} {
		frame, err := c.CommandFromJSON("library.book.set-isbn-code", someone, []byte(data))
		if err != nil {
			t.Fatalf("CommandFromJSON(%q): %v", data, err)
		}
		if got := decodeCommand(t, c, frame); got.Body != (setISBNCode{}) {
			t.Errorf("body = %+v", got.Body)
		}
	}
}

// full returns the full catalogue command with one part of its text replaced.
func full(old, new string) string {
	if !strings.Contains(fullCatalogue, old) {
		panic("there is no " + old)
	}
	return strings.Replace(fullCatalogue, old, new, 1)
}

func TestInvalidCommands(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	long := strings.Repeat("9", 400)
	for name, tc := range map[string]struct {
		json, field, problem string
	}{
		"nothing but space inside":  {`{ `, "", "ends too early"},
		"no object":                 {`[]`, "", "an object is expected, got an array"},
		"null":                      {`null`, "", "an object is expected, got null"},
		"a string":                  {`"x"`, "", `an object is expected, got "x"`},
		"no JSON":                   {`{lendable: true}`, "", "not JSON"},
		"no UTF-8":                  {"{\"lend\xff\": 1}", "", "not UTF-8"},
		"half a character":          {full(`"LEATHER"`, `"\\\ud800"`), "", `\ud800 is half a character`},
		"the other half":            {full(`"LEATHER"`, `"\udc00\ud800"`), "", `\udc00 is half a character`},
		"half a character at last":  {`"\ud83d\u0041"`, "", `\ud83d is half a character`},
		"cut off in an escape":      {`"\ud8`, "", "ends too early"},
		"cut off at a backslash":    {`"\`, "", "ends too early"},
		"cut off":                   {full("\n}", ""), "", "ends too early"},
		"something behind":          {fullCatalogue + `{}`, "", "something follows"},
		"garbage behind":            {fullCatalogue + `x`, "", "something follows"},
		"unknown field":             {full(`"lendable"`, `"lendible"`), "lendible", "no such field: the fields are lendable, copies,"},
		"another case":              {full(`"lendable"`, `"Lendable"`), "Lendable", "no such field"},
		"the meta":                  {full(`"lendable": true`, `"lendable": true, "meta": {}`), "meta", "no such field"},
		"unknown field, very long":  {full(`"lendable"`, `"`+long+`"`), long[:40] + "…", "no such field"},
		"missing":                   {full(`"lendable": true, `, ``), "lendable", "required: true or false is expected"},
		"twice":                     {full(`"lendable": true`, `"lendable": true, "lendable": true`), "lendable", "given twice"},
		"twice in a map":            {full(`"": -1`, `"main": -1`), "stock.main", "given twice"},
		"string for a boolean":      {full(`"lendable": true`, `"lendable": "true"`), "lendable", `true or false is expected, got "true"`},
		"null for a boolean":        {full(`"lendable": true`, `"lendable": null`), "lendable", "true or false is expected, got null"},
		"int too large":             {full(`-2147483648`, `2147483648`), "copies", "2147483648 is out of range: a whole number from -2147483648 to 2147483647"},
		"long too large":            {full(`9223372036854775807`, `9223372036854775808`), "price", "out of range"},
		"long far too large":        {full(`9223372036854775807`, long), "price", "out of range"},
		"long with a fraction":      {full(`9223372036854775807`, `19.99`), "price", "a whole number from -9223372036854775808 to 9223372036854775807 is expected, got 19.99"},
		"long with a zero fraction": {full(`9223372036854775807`, `19.0`), "price", "got 19.0"},
		"long with an exponent":     {full(`9223372036854775807`, `1e3`), "price", "got 1e3"},
		"string for a long":         {full(`9223372036854775807`, `"19"`), "price", `got "19"`},
		"boolean for a long":        {full(`9223372036854775807`, `true`), "price", "got true"},
		"float too large":           {full(`"weight": 0.5`, `"weight": 1e39`), "weight", "1e39 is out of range: a number that fits a float"},
		"double too large":          {full(`-1.25e-3`, `1e309`), "rating", "out of range"},
		"not base64":                {full(`AAEC/w==`, `***`), "cover", "base64 is expected"},
		"base64 for URLs":           {full(`AAEC/w==`, `AAEC_w==`), "cover", "base64 is expected"},
		"fixed too short":           {full(`3q2+7w==`, `AAAA`), "digest", "base64 of 4 bytes is expected"},
		"unknown symbol":            {full(`LEATHER`, `Leather`), "binding", "one of PAPERBACK, HARDCOVER, LEATHER is expected"},
		"number for a symbol":       {full(`"LEATHER"`, `1`), "binding", "one of PAPERBACK"},
		"deep inside":               {full(`"1775-12-16"`, `"16.12.1775"`), "editor.born", "a date such as 2026-03-01 is expected"},
		"deep inside an array":      {full(`"1970-01-02"`, `17`), "authors[1].born", "a date such as"},
		"missing inside an array":   {full(`{"name": "A", "born": "1969-12-31"}`, `{}`), "authors[0].name", "required: a string"},
		"unknown inside an option":  {full(`{"name": "T", `, `{"name": "T", "x": 1, `), "translator.x", "no such field: the fields are name, born"},
		"object for an array":       {full(`"tags": []`, `"tags": {}`), "tags", "an array is expected, got an object"},
		"array for a map":           {full(`{"main": 3, "": -1}`, `[]`), "stock", "an object is expected, got an array"},
		"null inside a map":         {full(`"main": 3`, `"main": null`), "stock.main", "got null"},
		"tagged union":              {full(`"subtitle": "x"`, `"subtitle": {"string": "x"}`), "subtitle", "a string is expected, got an object"},
		"time without a zone":       {full(`.999+00:00`, `.999`), "printed_at", "a time such as 2026-03-01T12:00:00.000Z is expected"},
		"time too precise":          {full(`.999+00:00`, `.9999+00:00`), "printed_at", "more precise than can be kept"},
		"time as a number":          {full(`"1969-12-31T23:59:59.999+00:00"`, `1000`), "printed_at", "a time such as"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			frame, err := c.CommandFromJSON("library.book.catalogue", someone, []byte(tc.json))
			if frame != nil {
				t.Errorf("there is an error, and a frame: %x", frame)
			}
			expectInvalid(t, err, tc.field, tc.problem)
		})
	}
}

func expectInvalid(t *testing.T, err error, field, problem string) {
	t.Helper()
	var bad *InvalidCommandError
	if !errors.As(err, &bad) || bad.Field != field || !strings.Contains(bad.Problem, problem) {
		t.Fatalf("CommandFromJSON = %v; want %q: … %q", err, field, problem)
	}
	if want := strings.TrimPrefix(bad.Field+": "+bad.Problem, ": "); err.Error() != want {
		t.Errorf("the error reads %q, want %q", err, want)
	}
	if len(bad.Problem) > 400 {
		t.Errorf("the problem repeats what was given at length: %s", bad.Problem)
	}
}

func TestUnknownCommandTypes(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	for wire, says := range map[string]string{
		"":                       "the contexts are library",
		"zoo.book.add":           "the contexts are library",
		"library.book.Add":       "library.book.add, library.book.catalogue",
		"library.book":           "the commands are",
		"library.book.BookAdded": "the commands are",
	} {
		_, err := c.CommandFromJSON(wire, someone, []byte(`{}`))
		if !errors.Is(err, engine.ErrUnknownCommand) || !strings.Contains(err.Error(), says) {
			t.Errorf("CommandFromJSON(%q) = %v, want it to say %q", wire, err, says)
		}
	}
}

func TestCommandsWithoutIDsAreInvalid(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline()
	var bad *InvalidCommandError
	for _, meta := range []es.CommandMeta{{CommandID: "c"}, {AggregateID: "a"}} {
		if _, err := c.CommandFromJSON("library.book.set-isbn-code", meta, nil); !errors.As(err, &bad) {
			t.Errorf("CommandFromJSON(%+v) = %v", meta, err)
		}
	}
}

func TestCommandTypes(t *testing.T) {
	t.Parallel()
	commands := libraryCatalog(t).Offline().CommandTypes("library")
	var names []string
	for _, c := range commands {
		names = append(names, c.Aggregate+" "+c.Name+" "+c.Type)
	}
	if got := strings.Join(names, "; "); got != "book add library.book.add; book catalogue library.book.catalogue; "+
		"book set-isbn-code library.book.set-isbn-code; reader join library.reader.join" {
		t.Fatalf("commands are %s", got)
	}
	add := commands[0]
	want := []FieldInfo{
		{Name: "title", Doc: "As printed on the cover", TypeInfo: TypeInfo{Type: "string"}},
		{Name: "pages", TypeInfo: TypeInfo{Type: "int"}},
		{Name: "language", TypeInfo: TypeInfo{Type: "string"}, Optional: true, Default: `"en"`},
	}
	if add.Doc != "Add a book to the collection." || add.Context != "library" || !reflect.DeepEqual(add.Fields, want) {
		t.Errorf("add = %+v", add)
	}
	if name := commands[3].Fields[0]; !name.PII {
		t.Errorf("a reader's name is not marked: %+v", name)
	}
	fields := map[string]FieldInfo{}
	for _, f := range commands[1].Fields {
		fields[f.Name] = f
	}
	person := []FieldInfo{
		{Name: "name", TypeInfo: TypeInfo{Type: "string"}, PII: true},
		{Name: "born", TypeInfo: TypeInfo{Type: "int", Format: "date"}, Optional: true, Default: `"1969-12-31"`},
	}
	for name, want := range map[string]FieldInfo{
		"lendable":   {TypeInfo: TypeInfo{Type: "boolean"}},
		"cover":      {TypeInfo: TypeInfo{Type: "bytes"}, Optional: true, Default: `"AP8="`},
		"digest":     {TypeInfo: TypeInfo{Type: "fixed", Size: 4}, Optional: true, Default: `"AQIDBA=="`},
		"binding":    {TypeInfo: TypeInfo{Type: "enum", Symbols: []string{"PAPERBACK", "HARDCOVER", "LEATHER"}}, Optional: true, Default: `"HARDCOVER"`},
		"editor":     {TypeInfo: TypeInfo{Type: "record", Fields: person}, Optional: true, Default: `{"name":"anonymous","born":"1969-12-31"}`},
		"authors":    {TypeInfo: TypeInfo{Type: "array", Items: &TypeInfo{Type: "record", Fields: person}}, Optional: true, Default: `[{"name":"A","born":"1970-01-02"}]`},
		"tags":       {TypeInfo: TypeInfo{Type: "array", Items: &TypeInfo{Type: "string"}}, Optional: true, Default: `["new"]`},
		"stock":      {TypeInfo: TypeInfo{Type: "map", Items: &TypeInfo{Type: "long"}}, Optional: true, Default: `{"main":3}`},
		"translator": {TypeInfo: TypeInfo{Type: "record", Fields: person, Nullable: true}, Optional: true, Default: "null"},
		"printed_at": {TypeInfo: TypeInfo{Type: "long", Format: "timestamp-millis"}, Optional: true, Default: `"1970-01-01T00:00:01.000Z"`},
		"price":      {TypeInfo: TypeInfo{Type: "long"}, Optional: true, Default: "9007199254740993"},
	} {
		want.Name = name
		if !reflect.DeepEqual(fields[name], want) {
			t.Errorf("%s = %+v\nwant %+v", name, fields[name], want)
		}
	}
}
