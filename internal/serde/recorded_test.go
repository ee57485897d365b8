package serde

import (
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
)

func TestRecordedEvents(t *testing.T) {
	t.Parallel()
	codec, _, _ := libraryCodec(t)
	r, err := codec.Recorded("library", es.FromEvents, 3, 99, 1_700_000_000_999, []byte("book/b-1/2"), frameFile(t, "BookAdded.v1.hex"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Context != "library" || r.Partition != 3 || r.Offset != 99 || r.Timestamp != 1_700_000_000_999 || r.Meta != oldMeta("b-1") ||
		r.Aggregate != "book" || r.Type != "BookAdded" || r.SchemaVersion != 1 || r.Refusal != nil || r.DeadLetter != nil ||
		r.Event != (bookAdded{Title: "Emma", Pages: 474, Language: "unknown", Shelf: "unknown/E"}) {
		t.Errorf("Recorded = %+v", r)
	}
	if text, err := r.JSON(); err != nil || text != `{"title":"Emma","pages":474}` {
		t.Errorf("JSON = %s, %v", text, err)
	}
}

func TestRecordedRefusals(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	meta := filled[es.Meta](t)
	want := es.Rejection{Command: "library.reader.join", Outcome: es.Refused, Code: "reader/known", Detail: "since May"}
	frame, err := c.AppendRefusal(nil, &meta, &want)
	if err != nil {
		t.Fatal(err)
	}
	r, err := codec.Recorded("library", es.FromRefusals, 0, 1, 2, nil, frame, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Meta != meta || r.Aggregate != "reader" || r.Type != "Refusal" || r.SchemaVersion != 1 || r.Event != nil || *r.Refusal != want {
		t.Errorf("Recorded = %+v", r)
	}
	if text, err := r.JSON(); err != nil || text != `{"command":"library.reader.join","outcome":"refused","code":"reader/known","detail":"since May"}` {
		t.Errorf("JSON = %s, %v", text, err)
	}
}

func header(key, value string) engine.Header { return engine.Header{Key: key, Value: []byte(value)} }

func TestRecordedDeadLetters(t *testing.T) {
	t.Parallel()
	codec, _, _ := libraryCodec(t)
	garbage := []byte("\x00garbage")
	r, err := codec.Recorded("library", es.FromDeadLetters, 3, 1, 2, []byte("b-1"), garbage, []engine.Header{
		header("traceparent", "00-…"), header(engine.HeaderReason, engine.ReasonUndecodable), header(engine.HeaderDetail, "no meta"),
		header(engine.HeaderOrigin, "library.commands/3@-17"), header(engine.HeaderTopicID, es.ID([]byte("0123456789abcdef")).String()),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := es.Source{Topic: "library.commands", Partition: 3, Offset: -17, Incarnation: es.ID([]byte("0123456789abcdef"))}
	d := r.DeadLetter
	if string(d.Key) != "b-1" || &d.Value[0] != &garbage[0] || d.Reason != "undecodable" || d.Detail != "no meta" || d.Origin != want {
		t.Errorf("DeadLetter = %+v", d)
	}
	if _, err := r.JSON(); err == nil {
		t.Error("a dead letter's bytes have become JSON")
	}
}

func TestRecordsThatCanNotBeMapped(t *testing.T) {
	t.Parallel()
	codec, _, _ := libraryCodec(t)
	event := frameFile(t, "BookAdded.v1.hex")
	reason, origin := header(engine.HeaderReason, "x"), header(engine.HeaderOrigin, "t/1@2")
	for name, tc := range map[string]struct {
		stream  es.Stream
		value   []byte
		headers []engine.Header
		says    string
	}{
		"no event":                 {es.FromEvents, []byte("x"), nil, "library.events/3@99: not a frame"},
		"an event for a refusal":   {es.FromRefusals, event, nil, "library.refusals/3@99: library.book.BookAdded (library/book/BookAdded.v1.avsc) is not a refusal"},
		"another stream":           {"inbox", event, nil, `no view can be mapped from "inbox"`},
		"a dead letter's no cause": {es.FromDeadLetters, event, []engine.Header{origin}, "it needs the headers"},
		"a dead letter's no home":  {es.FromDeadLetters, event, []engine.Header{reason}, "it needs the headers"},
		"a strange origin":         {es.FromDeadLetters, event, []engine.Header{reason, header(engine.HeaderOrigin, "t/1")}, "topic/partition@offset"},
		"a strange topic ID":       {es.FromDeadLetters, event, []engine.Header{reason, origin, header(engine.HeaderTopicID, "12")}, "should be a UUID"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := codec.Recorded("library", tc.stream, 3, 99, 0, nil, tc.value, tc.headers)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("Recorded = %v, want it to say %q", err, tc.says)
			}
		})
	}
}
