package clickhouse_test

import (
	"testing"
	"time"

	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/domain/bank/transfer"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/internal/es"
	"recount/internal/es/estest"
)

// ledger records what commands make of one aggregate, each second one event.
type ledger[S es.Aggregate[S, C, E], C, E any] struct {
	context   string
	aggregate es.AggregateType
	id        string
	state     S
	version   int64
}

func newAccount(id string) *ledger[account.Account, account.Command, account.Event] {
	return &ledger[account.Account, account.Command, account.Event]{context: "bank", aggregate: account.Type(), id: id}
}

func newCustomer(id string) *ledger[customer.Customer, customer.Command, customer.Event] {
	return &ledger[customer.Customer, customer.Command, customer.Event]{context: "bank", aggregate: customer.Type(), id: id}
}

func newTransfer(id string) *ledger[transfer.Transfer, transfer.Command, transfer.Event] {
	return &ledger[transfer.Transfer, transfer.Command, transfer.Event]{context: "bank", aggregate: transfer.Type(), id: id}
}

func newOrder(id string) *ledger[order.Order, order.Command, order.Event] {
	return &ledger[order.Order, order.Command, order.Event]{context: "shop", aggregate: order.Type(), id: id}
}

func newArticle(id string) *ledger[inventory.Inventory, inventory.Command, inventory.Event] {
	return &ledger[inventory.Inventory, inventory.Command, inventory.Event]{context: "shop", aggregate: inventory.Type(), id: id}
}

func newPayment(id string) *ledger[payment.Payment, payment.Command, payment.Event] {
	return &ledger[payment.Payment, payment.Command, payment.Event]{context: "shop", aggregate: payment.Type(), id: id}
}

// recordingBegins is later than every moment the commands speak of, so that nothing is right by accident.
const recordingBegins = "2026-06-01 00:00:00"

// do decides command as true at validAt and returns its event as a projector reads it.
func (l *ledger[S, C, E]) do(t *testing.T, validAt string, command C) es.Recorded {
	t.Helper()
	after, events, err := es.Handle[S, C, E](l.state, command)
	if err != nil || len(events) != 1 {
		t.Fatalf("%T gave %v and %v, want one event", command, events, err)
	}
	l.state = after
	l.version++
	return es.Recorded{
		Context: l.context, Partition: 3, Offset: 100 + l.version,
		Aggregate: l.aggregate.Name(), Type: estest.WireName(l.aggregate, events[0]), SchemaVersion: 1, Event: events[0],
		Meta: es.Meta{
			AggregateID: l.id, Version: l.version, CommandID: "c", CorrelationID: "c", Actor: "teller",
			ValidAt: millis(t, validAt), RecordedAt: millis(t, recordingBegins) + 1000*l.version,
		},
	}
}

func millis(t *testing.T, at string) int64 {
	t.Helper()
	moment, err := time.Parse(time.DateTime, at)
	if err != nil {
		t.Fatal(err)
	}
	return moment.UnixMilli()
}
