package container_test

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/linkedin/goavro/v2"

	"recount/internal/serde/container"
)

func written(t *testing.T, name string, records []container.Record) []byte {
	t.Helper()
	var file bytes.Buffer
	w, err := container.NewWriter(&file, name)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

func some(n int) (out []container.Record) {
	for i := range n {
		r := container.Record{
			Offset: int64(3 * i), TimestampMillis: int64(1_700_000_000_000 + i), Key: fmt.Appendf(nil, "account/a/%d", i),
			Schema: "bank.account.FundsDeposited", SchemaVersion: 1 + i%2, Body: bytes.Repeat([]byte{byte(i)}, i%4000),
		}
		if i%3 == 0 {
			r.Headers = []container.Header{{Key: "traceparent", Value: []byte("00-1")}, {Key: "empty", Value: []byte{}}}
		}
		out = append(out, r)
	}
	return out
}

func TestRecordsGoRound(t *testing.T) {
	t.Parallel()
	want := some(2_500) // several blocks
	file := written(t, "bank.events/3", want)
	at := 0
	err := container.Read(bytes.NewReader(file), func(r *container.Record) error {
		if !reflect.DeepEqual(*r, want[at]) {
			return fmt.Errorf("record %d: got %+v, want %+v", at, *r, want[at])
		}
		at++
		return nil
	})
	if err != nil || at != len(want) {
		t.Errorf("%d of %d records: %v", at, len(want), err)
	}
	if err := container.Read(bytes.NewReader(written(t, "none", nil)), func(*container.Record) error { return fmt.Errorf("a record") }); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoSuchFileIsAnError(t *testing.T) {
	t.Parallel()
	file := written(t, "x", some(10))
	var other bytes.Buffer
	w, err := goavro.NewOCFWriter(goavro.OCFConfig{W: &other, Schema: `{"type":"record","name":"Other","fields":[{"name":"offset","type":"string"}]}`})
	if err == nil {
		err = w.Append([]any{map[string]any{"offset": "7"}})
	}
	if err != nil {
		t.Fatal(err)
	}
	for name, damaged := range map[string][]byte{
		"empty":          nil,
		"no container":   []byte(strings.Repeat("text", 100)),
		"cut":            file[:len(file)-20],
		"a damaged byte": bytes.Replace(file, []byte("account"), []byte("acc0unt"), 1),
		"another schema": other.Bytes(),
	} {
		if err := container.Read(bytes.NewReader(damaged), func(*container.Record) error { return nil }); err == nil {
			t.Errorf("%s: is read", name)
		}
	}
}
