package serde

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/avro"

	"recount/internal/es"
)

func TestEventToJSON(t *testing.T) {
	t.Parallel()
	codec, _, _ := libraryCodec(t)
	got, err := codec.EventToJSON(frameFile(t, "BookAdded.v2.hex"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"library.book.BookAdded","schema_version":2,"aggregate_id":"b-1","version":2,` +
		`"event_id":"30313233-3435-3637-3839-616263646566","command_id":"cmd-41","correlation_id":"req-9","causation_id":"cmd-41","actor":"teller",` +
		`"valid_at":"2023-11-14T22:13:20.000Z","recorded_at":"2023-11-14T22:13:20.123Z",` +
		`"source":{"topic":"bank.commands","partition":3,"offset":1234},` +
		`"chain":"0000000000000000000000000000000000000000000000000000000000000000",` +
		`"data":{"title":"Emma","pages":474,"language":"en"}}`
	if string(got) != want {
		t.Errorf("EventToJSON = %s\nwant          %s", got, want)
	}
}

func TestEventToJSONOfEverything(t *testing.T) {
	t.Parallel()
	codec, c, a := libraryCodec(t)
	subtitle, scanned := "\x00\"\\\n<&>Ω\xff", int64(1)
	frame, _, _, err := c.AppendEvent(nil, a, &es.Meta{ValidAt: math.MaxInt64}, catalogued{
		Lendable: true, Copies: -1, Price: math.MaxInt64, Weight: 0.1, Rating: math.Inf(-1), Cover: []byte{0, 255}, Digest: [4]byte{1, 2, 3, 4},
		Binding: "LEATHER", Editor: person{"E", -1}, Authors: []person{{"A", 0}, {"B", 1}}, Stock: map[string]int64{"b": 2, "a": 1, "c": 3},
		Subtitle: &subtitle, PrintedAt: -1, ScannedAt: &scanned,
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := codec.EventToJSON(frame)
	if err != nil {
		t.Fatal(err)
	}
	_, data, _ := strings.Cut(string(got), `"data":`)
	const want = `{"lendable":true,"copies":-1,"price":9223372036854775807,"weight":0.1,"rating":"-Infinity","cover":"AP8=","digest":"AQIDBA==",` +
		`"binding":"LEATHER","editor":{"name":"E","born":"1969-12-31"},"authors":[{"name":"A","born":"1970-01-01"},{"name":"B","born":"1970-01-02"}],` +
		`"tags":[],"stock":{"a":1,"b":2,"c":3},"subtitle":"\u0000\"\\\u000a<&>Ω` + "\uFFFD" + `","translator":null,` +
		`"printed_at":"1969-12-31T23:59:59.999Z","scanned_at":"1970-01-01T00:00:00.000001Z"}}`
	if data != want {
		t.Errorf("data = %s\nwant   %s", data, want)
	}
	if !json.Valid(got) || !strings.Contains(string(got), `"valid_at":9223372036854775807,`) {
		t.Errorf("a time beyond the year 9999 should be a bare number: %s", got)
	}
}

func TestEventToJSONOfWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	codec, c, _ := libraryCodec(t)
	refusal, err := c.AppendRefusal(nil, &es.Meta{}, &es.Rejection{})
	if err != nil {
		t.Fatal(err)
	}
	for says, frame := range map[string][]byte{"not a frame": nil, "is not an event": refusal, "not known to the registry": {0, 0, 0, 0, 1}} {
		if _, err := codec.EventToJSON(frame); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("EventToJSON = %v, want it to say %q", err, says)
		}
	}
}

// Schemas of other producers may say what ours may not.
func TestJSONOfForeignTypes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		schema string
		native any
		want   string
	}{
		{`["null","string","long"]`, goavro.Union("long", int64(7)), `7`},
		{`["null","string","long"]`, goavro.Union("string", "x"), `"x"`},
		{`{"type":"int","logicalType":"time-millis"}`, int32(90_000), `"1m30s"`},
		{`"double"`, math.NaN(), `"NaN"`},
		{`"double"`, math.Inf(1), `"Infinity"`},
		{`"double"`, 1e300, `1e+300`},
		{`{"type":"array","items":["null",{"type":"record","name":"R","fields":[{"name":"a","type":"long"}]}]}`,
			[]any{nil, goavro.Union("R", map[string]any{"a": int64(1)})}, `[null,{"a":1}]`},
	} {
		s, err := avro.Parse(`{"type":"record","name":"X","fields":[{"name":"f","type":` + tc.schema + `}]}`)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newJSONCodec(s)
		if err != nil {
			t.Fatal(err)
		}
		data, err := c.native.BinaryFromNative(nil, map[string]any{"f": tc.native})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.appendData(nil, data); err != nil || string(got) != `{"f":`+tc.want+`}` {
			t.Errorf("%s: %s, %v; want %s", tc.schema, got, err, tc.want)
		}
		if _, err := c.appendData(nil, append(data, 0)); err == nil {
			t.Errorf("%s: a byte behind the data went unnoticed", tc.schema)
		}
	}
}

// goavro reserves what an array's length asks for. Where our newest version has no such field, nothing of ours has read
// the length before.
func TestJSONDoesNotBelieveLengthsOfFieldsPassedOver(t *testing.T) {
	codec, _, _ := libraryCodec(t)
	catalog := codec.catalog
	newest := catalog.records["library.book.BookAdded"].newest()
	v4 := strings.Replace(newest.text, `{"name":"shelf"`, `{"name":"colours","type":{"type":"array","items":{"type":"array","items":"string"}},"default":[]},{"name":"shelf"`, 1)
	full, err := avro.Parse(v4)
	if err != nil {
		t.Fatal(err)
	}
	v := &version{path: "schema ID 4", full: full, text: v4}
	if err := v.recognize(catalog); err != nil {
		t.Fatal(err)
	}
	codec.learn(4, v)
	head, ok := strings.CutSuffix(string(frameFile(t, "BookAdded.v2.hex")), "\x04en")
	if !ok {
		t.Fatal("the frame is another than this test was written for")
	}
	// Title and pages, no language, then a block of one array that says it takes six bytes and may be passed over: in it,
	// a block of 2³¹ - 1 strings.
	huge := append([]byte{0, 0, 0, 0, 4}, head[HeaderBytes:]...)
	huge = append(huge, 0, 0x01, 0x0c, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0)
	if _, err := codec.Context("library").DecodeEvent(huge); err != nil {
		t.Fatalf("this is not the record to test with: %v", err)
	}
	if grew := allocated(func() { _, err = codec.EventToJSON(huge) }); err == nil || grew > 1<<20 {
		t.Fatalf("EventToJSON reserved %d bytes: %v", grew, err)
	}
}
