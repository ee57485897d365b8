package aggregator_test

import (
	"strings"
	"testing"
	"time"

	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// TestEventsFromElsewhereNeedAPlaceToGoOnFrom: an import writes events whose commands were in another cluster, and last of
// all the groups' places. Before that nobody must decide on a part of them.
func TestEventsFromElsewhereNeedAPlaceToGoOnFrom(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	const id = "acct-1"
	home := partition.Of(id, partitions)
	meta := es.Meta{
		AggregateID: id, Version: 1, CommandID: "c", RecordedAt: 1, ValidAt: 1,
		Source: es.Source{Topic: "bank.commands", Incarnation: es.ID{1}, Partition: home, Offset: 7},
	}
	frame, _, _, err := p.codec.Context("bank").AppendEvent(nil, account.Type(), &meta, account.AccountOpened{CustomerID: "ada", Currency: "EUR"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := kafka.NewAppender(p.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := out.Append(t.Context(), []*kafka.Record{{Topic: "bank.events", Partition: home, Key: []byte("account/acct-1/1"), Value: frame}}); err != nil {
		t.Fatal(err)
	}
	cfg := p.config("w1", statestore.NewMem())
	cfg.SessionTimeout = time.Second // it does not leave its group: what it refused, it would be given again
	refused := p.run(cfg)
	if refused == nil || !strings.Contains(refused.Error(), "an import has not ended") {
		t.Fatalf("err = %v", refused)
	}

	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		members, err := kafka.GroupMembers(t.Context(), p.cfg, aggregator.Group("bank"))
		if err == nil && members == 0 {
			break
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%d members: %v", members, err)
		}
	}
	places := kafka.Places{}
	for n := range int32(partitions) {
		places.Set("bank.commands", n, 0)
		places.Set("bank.dispatch", n, 0)
	}
	if err := kafka.SetGroupPlaces(t.Context(), p.cfg, aggregator.Group("bank"), places); err != nil {
		t.Fatal(err)
	}
	p.start(p.config("w1", statestore.NewMem()))
	p.send(-1, "deposit", id, "d", `{"amount":5,"currency":"EUR"}`)
	p.flush()
	if n := len(p.events(2)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}
