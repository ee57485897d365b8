package rebuild

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde/serdetest"
	views "recount/schemas/clickhouse"
)

// testEvolution rebuilds a view from events of every schema version, as they were written at their time. All of them go
// through the one mapping there is, which knows the newest version only: an old event and the one that would be written in
// its place today come to the same row.
func testEvolution(t *testing.T, w *world) {
	codec := serdetest.Codec(t)
	for _, name := range []string{"FundsDeposited", "FundsWithdrawn"} {
		old := oldFrame(t, name+".v1.hex")
		e, err := codec.Context("bank").DecodeEvent(old)
		if err != nil || e.SchemaVersion != 1 || e.Type != name {
			t.Fatalf("%+v, %v", e, err)
		}
		newest, _, _, err := codec.Context("bank").AppendEvent(nil, account.Type(), &e.Meta, e.Body)
		if err != nil || bytes.Equal(old, newest) {
			t.Fatalf("both versions are the same bytes, %v", err)
		}
		w.put(0, old)
		w.put(1, newest)
	}
	event := account.FundsDeposited{CustomerID: "ada", Amount: 7, Currency: "EUR", BalanceAfter: 7, StatusAfter: account.StatusOpen, Channel: "atm"}
	told, _, _, err := codec.Context("bank").AppendEvent(nil, account.Type(), &es.Meta{AggregateID: "acct-1", Version: 2}, event)
	if err != nil {
		t.Fatal(err)
	}
	w.put(2, told)
	cfg := w.config(first())
	cfg.Projector.Contexts, cfg.Projector.Codec = domain.Contexts()[:1], codec // the bank
	cfg.Projector.Render = func(view string, g, window int) (clickhouse.Script, error) {
		s, err := views.Render(view, views.Params{Database: w.database, Generation: g, DedupWindow: window})
		return clickhouse.Script{Tables: s.Tables, Public: s.Public}, err
	}
	if _, err := w.rebuild(cfg, Options{}, "account_history"); err != nil {
		t.Fatal(err)
	}
	w.sameRows("SELECT * EXCEPT (position, partition, offset) FROM account_history WHERE partition = ", 2)
	var lines []struct {
		Line string `ch:"line"`
	}
	if err := w.db.Select(t.Context(), &lines, "SELECT concat(event_type, ' ', amount, ' ', channel) AS line FROM account_history WHERE partition != 1 ORDER BY partition, offset"); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		Line string `ch:"line"`
	}{{"FundsDeposited 1999 unrecorded"}, {"FundsWithdrawn -1999 unrecorded"}, {"FundsDeposited 7 atm"}}
	if !slices.Equal(lines, want) {
		t.Errorf("got %v, want %v", lines, want)
	}
}

// sameRows compares what a question answers of partitions 0 and 1.
func (w *world) sameRows(question string, rows uint64) {
	w.t.Helper()
	var both, old uint64
	err := errors.Join(
		w.db.Row(w.t.Context(), "SELECT count() FROM ("+question+"0 INTERSECT "+question+"1)").Scan(&both),
		w.db.Row(w.t.Context(), "SELECT count() FROM ("+question+"0)").Scan(&old),
	)
	if err != nil || both != rows || old != rows {
		w.t.Errorf("%d of %d rows of old events are those of new ones, want %d, %v", both, old, rows, err)
	}
}

// oldFrame reads an event as a program of its time wrote it.
func oldFrame(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../serde/testdata/frames/" + name)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// put writes an event as it is.
func (w *world) put(partition int32, value []byte) {
	w.t.Helper()
	err := w.producer.Produce(w.t.Context(), kafka.Command{Topic: "bank.events", Partition: partition, Key: []byte("account/a/1"), Value: value}, func(_ int32, _ int64, err error) {
		if err != nil {
			w.t.Error(err)
		}
	})
	if err == nil {
		err = w.producer.Flush(w.t.Context())
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
