package ingest

import (
	"strings"
	"testing"
	"time"
)

func TestALineIsReadWhole(t *testing.T) {
	t.Parallel()
	e, f := parseEnvelope([]byte(` { "type":"bank.account.deposit", "id":"acct-1", "command_id":"c", "expected_version":7, "valid_at":"2026-03-01T00:00:00Z",
		"correlation_id":"x","causation_id":"y","data":{"amount":1} } `))
	if f != nil {
		t.Fatal(f.reason)
	}
	m := e.meta
	if e.wire != "bank.account.deposit" || m.AggregateID != "acct-1" || m.CommandID != "c" || m.CorrelationID != "x" || m.CausationID != "y" || string(e.data) != `{"amount":1}` {
		t.Errorf("read %+v", e)
	}
	if m.ExpectedVersion == nil || *m.ExpectedVersion != 7 || m.ValidAt == nil || *m.ValidAt != time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("read %+v", m)
	}
	e, f = parseEnvelope([]byte(`{"type":"t","id":"a","command_id":null,"expected_version":null,"valid_at":null,"data":{}}`))
	if f != nil || e.meta.CommandID != "" || e.meta.ExpectedVersion != nil || e.meta.ValidAt != nil {
		t.Errorf("null: %+v, %v", e.meta, f)
	}
}

func TestALineThatIsNoCommandSaysWhy(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct{ field, says string }{
		``:                              {"", "ends in the middle"},
		`garbage`:                       {"", "not JSON"},
		`[]`:                            {"", "not a JSON object"},
		`"{}"`:                          {"", "not a JSON object"},
		`{"type":"t"`:                   {"", "ends in the middle"},
		`{"type":"t`:                    {"", "ends in the middle"},
		`{"type":"t",}`:                 {"", "not JSON"},
		`{"type":"t" "id":"a"}`:         {"", "not JSON"},
		`{1:2}`:                         {"", "not JSON"},
		`{"id":"a","data":{}}{}`:        {"", "after top-level value"},
		"{\"type\":\"\xff\"}":           {"", "UTF-8"},
		`{"type":"t","type":"u"}`:       {"type", "twice"},
		`{"type":"t","\u0074ype":"u"}`:  {"type", "twice"},
		`{}`:                            {"type", "missing"},
		`{"type":""}`:                   {"type", "missing"},
		`{"type":1}`:                    {"type", "must be a string, not 1"},
		`{"Type":"t"}`:                  {"Type", "no member"},
		`{"type":"t","expected_ver":1}`: {"expected_ver", "no member"},
		`{"type":"t","data":{}}`:        {"id", "missing"},
		`{"type":"t","id":"a"}`:         {"data", "missing"},
		`{"type":"t","id":"a","expected_version":1e2,"data":{}}`:                 {"expected_version", "not 1e2"},
		`{"type":"t","id":"a","data":[1]}`:                                       {"data", "an object, not [1]"},
		`{"type":"t","id":"a","data":null}`:                                      {"data", "missing"},
		`{"type":"t","id":"","data":{}}`:                                         {"id", "empty"},
		`{"type":"t","id":"\ud800","data":{}}`:                                   {"id", "U+FFFD"},
		`{"type":"t","id":["a"],"data":{}}`:                                      {"id", "a string, not [\"a\"]"},
		`{"type":"t","id":"a","command_id":"","data":{}}`:                        {"command_id", "empty"},
		`{"type":"t","id":"a","command_id":"\u0000","data":{}}`:                  {"command_id", "U+0000"},
		`{"type":"t","id":"a","expected_version":-1,"data":{}}`:                  {"expected_version", "not -1"},
		`{"type":"t","id":"a","expected_version":1.5,"data":{}}`:                 {"expected_version", "whole number"},
		`{"type":"t","id":"a","expected_version":"1","data":{}}`:                 {"expected_version", "whole number"},
		`{"type":"t","id":"a","expected_version":9223372036854775808,"data":{}}`: {"expected_version", "whole number"},
		`{"type":"t","id":"a","valid_at":1,"data":{}}`:                           {"valid_at", "a string, not 1"},
		`{"type":"t","id":"a","valid_at":"2026-13-01T00:00:00Z","data":{}}`:      {"valid_at", "RFC 3339"},
		`{"type":"t","id":"a","valid_at":"2300-01-01T00:00:00Z","data":{}}`:      {"valid_at", "2299"},
	} {
		_, f := parseEnvelope([]byte(line))
		if f == nil || f.field != want.field || !strings.Contains(f.reason, want.says) {
			t.Errorf("%s: %+v, want %+v", line, f, want)
		}
	}
}

func TestDerivedIDsTellLinesApart(t *testing.T) {
	t.Parallel()
	a := deriveID("a.ndjson", 1, []byte("x"))
	if len(a) != 36 || a[14] != '8' || a != deriveID("a.ndjson", 1, []byte("x")) {
		t.Errorf("%q is no stable UUIDv8", a)
	}
	for _, other := range []string{deriveID("b.ndjson", 1, []byte("x")), deriveID("a.ndjson", 2, []byte("x")), deriveID("a.ndjson", 1, []byte("y"))} {
		if other == a {
			t.Error("two lines have one ID")
		}
	}
}

// FuzzLine: whatever a line holds, it is a command or a fault with a reason.
func FuzzLine(f *testing.F) {
	f.Add([]byte(`{"type":"bank.account.deposit","id":"acct-1","command_id":"c","expected_version":7,"valid_at":"2026-03-01T00:00:00Z","data":` + tenEuros + `}`))
	f.Add([]byte(`{"type":"bank.customer.verify","id":"a","data":{}}`))
	f.Add([]byte(`{"type":null,"id":{},"data":[]`))
	b := newBank(f)
	l := &loader{
		cfg:     LoadConfig{Codec: b.codec, Partitions: testPartitions, LineBytesMax: 1 << 20},
		catalog: newCatalog(b.codec, []string{"bank"}), src: &source{name: "fuzz"},
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, fault := l.encodeLine(line{number: 1, text: text})
		if fault != nil {
			if fault.reason == "" {
				t.Fatal("a fault without a reason")
			}
			return
		}
		cmd, err := b.codec.Context("bank").DecodeCommand(c.Value)
		if err != nil || cmd.Meta.AggregateID != string(c.Key) || cmd.Meta.CommandID == "" {
			t.Fatalf("encoded as %+v: %v", cmd.Meta, err)
		}
	})
}
