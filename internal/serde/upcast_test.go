package serde

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/schemas/avro"
)

// frameFile returns a frame as it was written once, and has stood in a log since.
func frameFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "frames", name))
	if err != nil {
		t.Fatal(err)
	}
	frame, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// oldMeta is the meta of every frame file.
func oldMeta(aggregateID string) es.Meta {
	return es.Meta{
		EventID: es.ID([]byte("0123456789abcdef")), AggregateID: aggregateID, Version: 2,
		CommandID: "cmd-41", CorrelationID: "req-9", CausationID: "cmd-41", Actor: "teller",
		Source:      es.Source{Topic: "bank.commands", Incarnation: es.ID([]byte("fedcba9876543210")), Partition: 3, Offset: 1234},
		CommandHash: -8361864455442299, ValidAt: 1_700_000_000_000, RecordedAt: 1_700_000_000_123,
	}
}

func TestOldRecordsPassThroughTheirUpcasts(t *testing.T) {
	t.Parallel()
	c := libraryCatalog(t).Offline().Context("library")
	for version, want := range map[int]bookAdded{
		1: {Title: "Emma", Pages: 474, Language: "unknown", Shelf: "unknown/E"}, // both lifts, in order
		2: {Title: "Emma", Pages: 474, Language: "en", Shelf: "en/E"},           // the second alone
		3: {Title: "Emma", Pages: 474, Language: "en", Shelf: "A3"},             // none
	} {
		e, err := c.DecodeEvent(frameFile(t, "BookAdded.v"+string(rune('0'+version))+".hex"))
		if err != nil {
			t.Fatal(err)
		}
		if e.Body != want || e.SchemaVersion != version || e.Type != "BookAdded" || e.Meta != oldMeta("b-1") {
			t.Errorf("version %d: %+v", version, e)
		}
	}
}

func TestOldWithdrawalsOfTheBankAreLifted(t *testing.T) {
	t.Parallel()
	catalog, err := NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	e, err := catalog.Offline().Context("bank").DecodeEvent(frameFile(t, "FundsWithdrawn.v1.hex"))
	if err != nil {
		t.Fatal(err)
	}
	want := account.FundsWithdrawn{
		CustomerID: "cust-1", Amount: 1999, Currency: "EUR", Reference: "rent", BalanceAfter: 3001,
		StatusAfter: account.StatusOpen, Channel: account.ChannelUnrecorded,
	}
	if e.Body != want || e.SchemaVersion != 1 || e.Meta != oldMeta("acct-7") {
		t.Errorf("DecodeEvent = %+v", e)
	}
}

func TestOldDepositsOfTheBankAreLifted(t *testing.T) {
	t.Parallel()
	catalog, err := NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	frame := frameFile(t, "FundsDeposited.v1.hex")
	e, err := catalog.Offline().Context("bank").DecodeEvent(frame)
	if err != nil {
		t.Fatal(err)
	}
	want := account.FundsDeposited{
		CustomerID: "cust-1", Amount: 1999, Currency: "EUR", Reference: "salary", BalanceAfter: 5000,
		StatusAfter: account.StatusFrozen, Channel: account.ChannelUnrecorded,
	}
	if e.Body != want || e.SchemaVersion != 1 || e.Meta != oldMeta("acct-7") {
		t.Errorf("DecodeEvent = %+v", e)
	}
	text, err := catalog.Offline().EventToJSON(frame)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "channel") {
		t.Errorf("the JSON of an old record tells what nobody wrote: %s", text)
	}
}
