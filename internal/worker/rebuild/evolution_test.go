package rebuild

import (
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/schemas/avro"
	views "recount/schemas/clickhouse"
)

// testEvolution rebuilds a view from events of every schema version, as they were written at their time: all of them go
// through the one mapping there is, which knows the newest version only.
func testEvolution(t *testing.T, w *world) {
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../serde/testdata/frames/FundsDeposited.v1.hex")
	if err != nil {
		t.Fatal(err)
	}
	old, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	event := account.FundsDeposited{CustomerID: "ada", Amount: 7, Currency: "EUR", BalanceAfter: 7, StatusAfter: account.StatusOpen, Channel: "atm"}
	newest, _, _, err := catalog.Offline().Context("bank").AppendEvent(nil, account.Type(), &es.Meta{AggregateID: "acct-1", Version: 2}, event)
	if err != nil {
		t.Fatal(err)
	}
	for i, value := range [][]byte{old, newest} {
		err = w.producer.Produce(t.Context(), kafka.Command{Topic: "bank.events", Partition: 0, Key: fmt.Appendf(nil, "account/a/%d", i), Value: value}, func(_ int32, _ int64, err error) {
			if err != nil {
				t.Error(err)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.producer.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg := w.config(first())
	cfg.Projector.Contexts, cfg.Projector.Codec = domain.Contexts()[:1], catalog.Offline() // the bank
	cfg.Projector.Render = func(view string, g, window int) (clickhouse.Script, error) {
		s, err := views.Render(view, views.Params{Database: w.database, Generation: g, DedupWindow: window})
		return clickhouse.Script{Tables: s.Tables, Public: s.Public}, err
	}
	if _, err := w.rebuild(cfg, Options{}, "account_history"); err != nil {
		t.Fatal(err)
	}
	var channels []struct {
		Channel string `ch:"channel"`
	}
	if err := w.db.Select(t.Context(), &channels, "SELECT channel FROM account_history ORDER BY offset"); err != nil {
		t.Fatal(err)
	}
	if len(channels) != 2 || channels[0].Channel != "unrecorded" || channels[1].Channel != "atm" {
		t.Errorf("of an event without and one with a channel: %v", channels)
	}
}
