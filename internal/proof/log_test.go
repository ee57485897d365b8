package proof_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/proof"
	"recount/internal/serde"
)

const (
	partitions = 4
	walked     = 2 // the partition that is walked
	topic      = "bank.events"
)

// logbook writes events as an aggregator would.
type logbook struct {
	t      testing.TB
	codec  *serde.Codec
	chains map[string]es.Hash
	counts map[string]int64
	log    []proof.Record
	at     int64
}

func newLogbook(t testing.TB, codec *serde.Codec) *logbook {
	return &logbook{t: t, codec: codec, chains: map[string]es.Hash{}, counts: map[string]int64{}, at: 1_700_000_000_000}
}

// ids are n IDs of aggregates that live in the walked partition.
func ids(n int) (out []string) {
	for i := 0; len(out) < n; i++ {
		if id := fmt.Sprintf("id-%d", i); partition.Of(id, partitions) == walked {
			out = append(out, id)
		}
	}
	return out
}

// write appends the next event of an aggregate.
func (l *logbook) write(a es.AggregateType, id string, body any) {
	l.log = append(l.log, l.event(a, id, l.counts[a.Name()+"/"+id]+1, body))
}

// event makes an event that follows from the last one written of its aggregate.
func (l *logbook) event(a es.AggregateType, id string, version int64, body any) proof.Record {
	l.t.Helper()
	name, offset := a.Name()+"/"+id, int64(len(l.log))
	command := fmt.Sprintf("command-%d", offset)
	meta := es.Meta{
		EventID: engine.EventID(a.Name(), id, command, 0), AggregateID: id, Version: version, CommandID: command,
		CorrelationID: command, CausationID: command, Actor: "teller",
		Source:  es.Source{Topic: "bank.commands", Incarnation: es.ID{7}, Partition: walked, Offset: offset},
		ValidAt: l.at, RecordedAt: l.at + offset/3, // some share a millisecond
	}
	value, at, schema, err := l.codec.Context("bank").AppendEvent(nil, a, &meta, body)
	if err != nil {
		l.t.Fatal(err)
	}
	link := engine.Link(l.chains[name], schema, value[at:])
	copy(value[at:], link[:])
	l.chains[name], l.counts[name] = link, version
	return proof.Record{Offset: offset, Key: fmt.Appendf(nil, "%s/%d", name, version), Value: value}
}

// someBooks are the events of some accounts and customers, in any order.
func someBooks(t testing.TB, codec *serde.Codec, aggregates, events int, rng *rand.Rand) *logbook {
	l, all := newLogbook(t, codec), ids(aggregates)
	for range events {
		id := all[rng.IntN(len(all))]
		if rng.IntN(8) == 0 {
			l.write(customer.Type(), id, customer.CustomerSuspended{Reason: fmt.Sprint(rng.IntN(1000))})
			continue
		}
		l.write(account.Type(), id, account.FundsDeposited{
			CustomerID: "ada", Amount: rng.Int64N(1_000_000), Currency: "EUR", Reference: "salary", BalanceAfter: rng.Int64N(1_000_000), StatusAfter: "open",
		})
	}
	return l
}

func (l *logbook) walk(log []proof.Record, anchored []proof.Head, without proof.Guard) proof.Result {
	w := proof.New(proof.Config{
		Topic: topic, Partition: walked, Partitions: partitions, Open: proof.Open(l.codec.Opener("bank", "events")),
		Anchored: anchored, Without: without,
	})
	for _, r := range log {
		w.Take(r)
	}
	return w.End(int64(len(log)))
}
