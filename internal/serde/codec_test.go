package serde

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
)

// filled returns a T in which nothing is zero.
func filled[T any](t testing.TB) T {
	t.Helper()
	v := reflect.New(reflect.TypeFor[T]()).Elem()
	count := 0
	if err := fill(v, nil, &count); err != nil {
		t.Fatal(err)
	}
	return v.Interface().(T)
}

func libraryCodec(t testing.TB) (*Codec, engine.Codec, es.AggregateType) {
	t.Helper()
	c := libraryCatalog(t).Offline()
	return c, c.Context("library"), es.Declare(bookType())
}

func aCatalogued(t testing.TB) catalogued {
	t.Helper()
	e := filled[catalogued](t)
	e.Binding = "LEATHER"
	return e
}

func TestEventsGoRoundWithTheirMeta(t *testing.T) {
	t.Parallel()
	_, c, a := libraryCodec(t)
	meta := filled[es.Meta](t)
	for name, body := range map[string]any{"BookAdded": filled[bookAdded](t), "BookCatalogued": aCatalogued(t)} {
		before := []byte("before")
		out, start, fingerprint, err := c.AppendEvent(before, a, &meta, body)
		if err != nil {
			t.Fatal(err)
		}
		frame, isAppended := bytes.CutPrefix(out, before)
		if !isAppended || start != len(before)+HeaderBytes || !bytes.Equal(out[start:start+len(meta.Chain)], meta.Chain[:]) {
			t.Errorf("%s: the body does not begin with the chain at %d of %x", name, start, out)
		}
		e, err := c.DecodeEvent(frame)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(e.Body, body) || e.Meta != meta || e.Type != name || e.Aggregate.Name() != "book" {
			t.Errorf("DecodeEvent = %+v", e)
		}
		newest := libraryCatalog(t).records["library.book."+name].newest()
		if want := es.Hash(sha256.Sum256(newest.full.Canonical())); fingerprint != want || e.SchemaVersion != newest.number {
			t.Errorf("%s: version %d with fingerprint %s, want %d with %s", name, e.SchemaVersion, fingerprint, newest.number, want)
		}
	}
}

func TestAppendEventAllocatesNothing(t *testing.T) {
	_, c, a := libraryCodec(t)
	meta := filled[es.Meta](t)
	var body any = filled[bookAdded](t)
	dst := make([]byte, 0, 1<<10)
	allocs := testing.AllocsPerRun(200, func() {
		if _, _, _, err := c.AppendEvent(dst, a, &meta, body); err != nil {
			t.Fatal(err)
		}
	})
	if allocs >= 1 && !raceEnabled {
		t.Errorf("AppendEvent allocates %v times", allocs)
	}
}

func TestAnEventNobodyDeclaredIsRefused(t *testing.T) {
	t.Parallel()
	_, c, a := libraryCodec(t)
	dst := []byte("as it was")
	out, _, _, err := c.AppendEvent(dst, a, &es.Meta{}, readerJoined{})
	if err == nil || !strings.Contains(err.Error(), "serde.readerJoined is not declared as an event of library.book") || string(out) != string(dst) {
		t.Fatalf("AppendEvent = %q, %v", out, err)
	}
}

func commandFrame(t testing.TB, c *Codec, meta es.CommandMeta, json string) []byte {
	t.Helper()
	frame, err := c.CommandFromJSON("library.book.add", meta, []byte(json))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestCommandsGoRoundWithTheirMeta(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	meta := filled[es.CommandMeta](t)
	cmd, err := c.DecodeCommand(commandFrame(t, codec, meta, `{"title":"Emma","pages":474}`))
	if err != nil {
		t.Fatal(err)
	}
	if !cmd.HasMeta || !reflect.DeepEqual(cmd.Meta, meta) || cmd.Type != "library.book.add" ||
		cmd.Aggregate.Name() != "book" || cmd.Body != (add{Title: "Emma", Pages: 474, Language: "en"}) {
		t.Errorf("DecodeCommand = %+v", cmd)
	}
}

func TestOldCommandsGetTheirDefaults(t *testing.T) {
	t.Parallel()
	_, c, _ := libraryCodec(t)
	v1 := libraryCatalog(t).records["library.book.Add"].versions[0]
	frame, err := v1.meta.AppendEncode(appendHeader(nil, offlineID(v1)), &es.CommandMeta{CommandID: "c", AggregateID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	frame = append(append(frame, 8), "Emma\x02"...)
	cmd, err := c.DecodeCommand(frame)
	if err != nil || cmd.Body != (add{Title: "Emma", Pages: 1, Language: "en"}) {
		t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
	}
}

// The hash says whether a command ID was used for another command. It must see every difference, and no more.
func TestCommandHash(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	hash := func(wire string, meta es.CommandMeta, json string) int64 {
		frame, err := codec.CommandFromJSON(wire, meta, []byte(json))
		if err != nil {
			t.Fatal(err)
		}
		cmd, err := c.DecodeCommand(frame)
		if err != nil {
			t.Fatal(err)
		}
		return cmd.Hash
	}
	number := func(n int64) *int64 { return &n }
	const data = `{"title":"Emma","pages":474}`
	first := hash("library.book.add", someone, data)

	same := someone
	same.CorrelationID, same.CausationID, same.Actor, same.ReplyTo, same.ProcessID = "a", "b", "c", "d", "e"
	if hash("library.book.add", same, data) != first {
		t.Error("a retry that is answered elsewhere counts as another command")
	}
	seen := map[int64]string{first: "the first"}
	differs := func(what string, h int64) {
		if before, ok := seen[h]; ok {
			t.Errorf("%s counts as the same command as %s", what, before)
		}
		seen[h] = what
	}
	with := func(version, validAt *int64) es.CommandMeta {
		m := someone
		m.ExpectedVersion, m.ValidAt = version, validAt
		return m
	}
	differs("another title", hash("library.book.add", someone, `{"title":"Emmo","pages":474}`))
	differs("another number of pages", hash("library.book.add", someone, `{"title":"Emma","pages":475}`))
	differs("an expected version", hash("library.book.add", with(number(1), nil), data))
	differs("an expected version of 0", hash("library.book.add", with(number(0), nil), data))
	differs("a valid time", hash("library.book.add", with(nil, number(1)), data))
	differs("a valid time of 0", hash("library.book.add", with(nil, number(0)), data))
	differs("both", hash("library.book.add", with(number(1), number(1)), data))
	differs("another type", hash("library.book.set-isbn-code", someone, `{}`))
}

func TestCommandsThatCanNotBeRead(t *testing.T) {
	t.Parallel()
	codec, c, a := libraryCodec(t)
	good := commandFrame(t, codec, someone, `{"title":"Emma","pages":474}`)
	meta := filled[es.Meta](t)
	event, _, _, err := c.AppendEvent(nil, a, &meta, bookAdded{})
	if err != nil {
		t.Fatal(err)
	}
	outcome, err := c.AppendOutcome(nil, &engine.Answer{Meta: someone})
	if err != nil {
		t.Fatal(err)
	}
	unknown := append([]byte{0, 0, 0, 0, 1}, good[HeaderBytes:]...)
	for name, tc := range map[string]struct {
		frame   []byte
		hasMeta bool
		is      error
		says    string
	}{
		"nothing":           {nil, false, errNoFrame, "not a frame"},
		"no magic":          {append([]byte{1}, good[1:]...), false, errNoFrame, "not a frame"},
		"JSON":              {[]byte(`{"title":"Emma"}`), false, errNoFrame, "not a frame"},
		"an unknown schema": {unknown, false, engine.ErrUnknownSchema, "schema ID 1: "},
		"an event":          {event, false, engine.ErrUnknownCommand, "library.book.BookAdded"},
		"an outcome":        {outcome, true, engine.ErrUnknownCommand, "recount.Outcome"},
		"bytes behind":      {append(bytes.Clone(good), 7, 7), true, nil, "2 bytes follow"},
		"no data":           {good[:len(good)-len("\x08Emma\xb4\x07\x04en")], true, nil, "library.book.Add"},
		"no meta":           {good[:HeaderBytes], false, nil, "its meta"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd, err := c.DecodeCommand(tc.frame)
			if err == nil || cmd.HasMeta != tc.hasMeta || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
			}
			if tc.hasMeta && !reflect.DeepEqual(cmd.Meta, someone) {
				t.Errorf("meta = %+v", cmd.Meta)
			}
		})
	}
}

// A command of another context is none of ours, but whoever waits for it can be told.
func TestCommandsOfAnotherContext(t *testing.T) {
	t.Parallel()
	contexts := append(library(), es.Context{Name: "annex"})
	catalog, err := NewCatalog(librarySchemas(t), contexts)
	if err != nil {
		t.Fatal(err)
	}
	codec := catalog.Offline()
	cmd, err := codec.Context("annex").DecodeCommand(commandFrame(t, codec, someone, `{"title":"Emma","pages":1}`))
	if !errors.Is(err, engine.ErrUnknownCommand) || !cmd.HasMeta || cmd.Meta.CommandID != someone.CommandID || cmd.Type != "library.book.add" {
		t.Fatalf("DecodeCommand = %+v, %v", cmd, err)
	}
	if _, err := codec.Context("annex").DecodeEvent(frameFile(t, "BookAdded.v1.hex")); err == nil || !strings.Contains(err.Error(), "is not an event of annex") {
		t.Fatalf("DecodeEvent = %v", err)
	}
}

func TestRefusalsGoRound(t *testing.T) {
	t.Parallel()
	_, c, _ := libraryCodec(t)
	meta := filled[es.Meta](t)
	for command, aggregate := range map[string]string{"library.book.add": "book", "": "", "library": "", "library.book": ""} {
		want := es.Rejection{Command: command, Outcome: es.Refused, Code: "book/lent", Detail: "until May"}
		frame, err := c.AppendRefusal(nil, &meta, &want)
		if err != nil {
			t.Fatal(err)
		}
		gotMeta, got, of, err := c.DecodeRefusal(frame)
		if err != nil || got != want || gotMeta != meta || of != aggregate {
			t.Errorf("DecodeRefusal = %+v, %+v, %q, %v", gotMeta, got, of, err)
		}
		if _, _, _, err := c.DecodeRefusal(append(frame, 0)); err == nil {
			t.Error("a byte behind a refusal went unnoticed")
		}
	}
	if _, _, _, err := c.DecodeRefusal(frameFile(t, "BookAdded.v1.hex")); err == nil || !strings.Contains(err.Error(), "is not a refusal") {
		t.Errorf("DecodeRefusal of an event = %v", err)
	}
}

func TestOutcomesGoRound(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	want := engine.Answer{
		Meta: filled[es.CommandMeta](t), Command: "library.book.add", Outcome: es.Refused, Code: "book/lent",
		Detail: "until May", Version: 7, Duplicate: true,
	}
	frame, err := c.AppendOutcome(nil, &want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.DecodeOutcome(frame)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("DecodeOutcome = %+v, %v", got, err)
	}
}

func TestRepliesGoRound(t *testing.T) {
	t.Parallel()
	codec, _, _ := libraryCodec(t)
	want := filled[Reply](t)
	frame, err := codec.AppendReply(nil, &want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.DecodeReply(frame)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("DecodeReply = %+v, %v", got, err)
	}
	if _, err := codec.DecodeReply(append(frame, 0)); err == nil {
		t.Error("a byte behind a reply went unnoticed")
	}
	if _, err := codec.DecodeOutcome(frame); err == nil || !strings.Contains(err.Error(), "is not an outcome") {
		t.Errorf("DecodeOutcome of a reply = %v", err)
	}
}

// allFrames returns one frame of each kind with the function that reads it.
func allFrames(t testing.TB) map[string]struct {
	frame []byte
	read  func([]byte) error
} {
	t.Helper()
	codec, c, a := libraryCodec(t)
	meta, command := filled[es.Meta](t), filled[es.CommandMeta](t)
	event, _, _, err := c.AppendEvent(nil, a, &meta, aCatalogued(t))
	refusal, err2 := c.AppendRefusal(nil, &meta, &es.Rejection{Command: "library.book.add", Outcome: es.Failed, Code: "x", Detail: "y"})
	outcome, err3 := c.AppendOutcome(nil, &engine.Answer{Meta: command, Command: "library.book.add", Outcome: es.Accepted})
	answer := filled[Reply](t)
	reply, err4 := codec.AppendReply(nil, &answer)
	cmd, err5 := codec.CommandFromJSON("library.book.catalogue", command, []byte(fullCatalogue))
	aSnapshot, aMarker := filled[engine.Snapshot](t), filled[engine.Marker](t)
	snapshot, err6 := c.AppendSnapshot(nil, &aSnapshot)
	marker, err7 := c.AppendMarker(nil, &aMarker)
	if err := errors.Join(err, err2, err3, err4, err5, err6, err7); err != nil {
		t.Fatal(err)
	}
	return map[string]struct {
		frame []byte
		read  func([]byte) error
	}{
		"event":    {event, func(b []byte) error { _, err := c.DecodeEvent(b); return err }},
		"snapshot": {snapshot, func(b []byte) error { _, err := c.DecodeSnapshot(b); return err }},
		"marker":   {marker, func(b []byte) error { _, err := c.DecodeMarker(b); return err }},
		"refusal":  {refusal, func(b []byte) error { _, _, _, err := c.DecodeRefusal(b); return err }},
		"outcome":  {outcome, func(b []byte) error { _, err := codec.DecodeOutcome(b); return err }},
		"reply":    {reply, func(b []byte) error { _, err := codec.DecodeReply(b); return err }},
		"command":  {cmd, func(b []byte) error { _, err := c.DecodeCommand(b); return err }},
		"json":     {event, func(b []byte) error { _, err := codec.EventToJSON(b); return err }},
	}
}

func TestFramesCutAtEveryByte(t *testing.T) {
	t.Parallel()
	for name, f := range allFrames(t) {
		if err := f.read(f.frame); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range f.frame {
			if err := f.read(bytes.Clone(f.frame[:n])); err == nil {
				t.Errorf("%s: %d of %d bytes were read as if they were all", name, n, len(f.frame))
			}
		}
	}
}

// A length is four bytes of a record and can ask for all the memory there is. None may be believed before it is checked.
func TestLengthsAreNotBelieved(t *testing.T) {
	const allowed = 1 << 20
	for name, f := range allFrames(t) {
		for _, length := range []int64{math.MaxInt32, math.MaxInt64, -1, math.MinInt64, -math.MaxInt32, 1 << 40} {
			for at := HeaderBytes; at < len(f.frame); at++ {
				huge := append(binary.AppendVarint(bytes.Clone(f.frame[:at]), length), f.frame[at:]...)
				if grew := allocated(func() { _ = f.read(huge) }); grew > allowed {
					t.Fatalf("%s: a length of %d at %d makes it reserve %d bytes", name, length, at, grew)
				}
			}
		}
	}
}

func TestStatesGoRound(t *testing.T) {
	t.Parallel()
	_, c, a := libraryCodec(t)
	for _, want := range []book{filled[book](t), {}} {
		value, err := c.AppendState([]byte("before"), a, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.DecodeState(a, bytes.TrimPrefix(value, []byte("before")))
		if err != nil {
			t.Fatal(err)
		}
		if again, err := c.AppendState([]byte("before"), a, got); err != nil || !bytes.Equal(again, value) {
			t.Errorf("the state is written as %x, was %x (%v)", again, value, err)
		}
		if _, err := c.DecodeState(a, append(value[len("before"):], 0)); err == nil {
			t.Error("a byte behind a state went unnoticed")
		}
	}
	full := filled[book](t)
	value, err := c.AppendState(nil, a, full)
	if err != nil {
		t.Fatal(err)
	}
	if want := foldOfState(t, a); c.Fold(a) != want {
		t.Errorf("Fold = %s, want %s", c.Fold(a), want)
	}
	if got, err := c.DecodeState(a, value); err != nil || !reflect.DeepEqual(got, full) {
		t.Errorf("DecodeState = %+v, %v", got, err)
	}
}

// A state may keep what a body says for years. A meta is not kept: its strings are part of the input.
func TestDecodedBodiesDoNotAliasTheInput(t *testing.T) {
	t.Parallel()
	codec, c, a := libraryCodec(t)
	meta, body := filled[es.Meta](t), aCatalogued(t)
	frame, _, _, err := c.AppendEvent(nil, a, &meta, body)
	if err != nil {
		t.Fatal(err)
	}
	e, err := c.DecodeEvent(frame)
	if err != nil {
		t.Fatal(err)
	}
	command := commandFrame(t, codec, someone, `{"title":"Emma","pages":474}`)
	cmd, err := c.DecodeCommand(command)
	if err != nil {
		t.Fatal(err)
	}
	clear(frame)
	clear(command)
	if !reflect.DeepEqual(e.Body, body) || cmd.Body.(add).Title != "Emma" {
		t.Fatal("what was decided on changes with the buffer it came in")
	}
}

func TestContextsHaveNames(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	if got := c.Aggregates(); len(got) != 2 || got[0].Name() != "book" || got[1].Name() != "reader" {
		t.Errorf("Aggregates = %v", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a context that nobody declared has a codec")
		}
	}()
	codec.Context("attic")
}

// The chain can be checked by whoever reads frames, without the aggregate's state.
func TestChainsCanBeChecked(t *testing.T) {
	t.Parallel()
	codec, c, a := libraryCodec(t)
	meta := es.Meta{AggregateID: "b-1", Version: 1}
	frame, body, fingerprint, err := c.AppendEvent(nil, a, &meta, bookAdded{Title: "Emma"})
	if err != nil {
		t.Fatal(err)
	}
	chain := engine.Link(es.Hash{}, fingerprint, frame[body:])
	copy(frame[body:], chain[:])
	read, err := codec.Fingerprint(frame)
	if err != nil {
		t.Fatal(err)
	}
	if got := engine.Link(es.Hash{}, read, frame[HeaderBytes:]); got != chain {
		t.Errorf("the chain is %s, and was written as %s", got, chain)
	}
	frame[len(frame)-1] ^= 1
	if engine.Link(es.Hash{}, read, frame[HeaderBytes:]) == chain {
		t.Error("an altered event goes unnoticed")
	}
	if _, err := codec.Fingerprint(nil); err == nil {
		t.Error("nothing has a fingerprint")
	}
}
