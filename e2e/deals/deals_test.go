package deals_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/domain/bank/transfer"
	"recount/domain/shop/accountpayment"
	"recount/domain/shop/accountrefund"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/domain/shop/shipment"
	. "recount/e2e/deals"
	"recount/internal/es"
)

// entry is an event of a made-up log.
type entry struct {
	context, aggregate, id, actor string
	event                         any
}

const (
	first  = "bank/money_transfer/t-1"
	second = "bank/money_transfer/t-2"
	third  = "shop/account_payment/o-1"
	fourth = "shop/account_payment/o-2"
	fifth  = "shop/account_refund/r-1"
	sixth  = "shop/account_refund/r-2"
)

// tamper makes a log that could not be.
type tamper func(log []entry) []entry

// without leaves out the nth entry, from 0.
func without(n int) tamper {
	return func(log []entry) []entry { return slices.Delete(log, n, n+1) }
}

func twice(n int) tamper {
	return func(log []entry) []entry { return slices.Insert(log, n, log[n]) }
}

func with(more ...entry) tamper {
	return func(log []entry) []entry { return append(log, more...) }
}

// other has an event be another.
func other(n int, event any) tamper {
	return func(log []entry) []entry {
		log[n].event = event
		return log
	}
}

// books are two transfers, of which the second was taken back, and two orders, of which the second was cancelled. Both are
// paid from an account of the bank; to the second, the money was put back. Of the first a part was refunded, and another
// part did not arrive.
func books() []entry {
	ask := transfer.TransferRequested{From: "a", To: "b", Amount: 70, Currency: "EUR"}
	out := account.FundsWithdrawn{Amount: 70, Currency: "EUR", Channel: transfer.Channel}
	in := account.FundsDeposited{Amount: 70, Currency: "EUR", Channel: transfer.Channel}
	back := account.FundsDeposited{Amount: 70, Currency: "EUR", Channel: transfer.ReversalChannel}
	lines := []order.PricedLine{{Line: order.Line{SKU: "book", Quantity: 3}}}
	return []entry{
		{Bank, "account", "a", "", account.AccountOpened{Currency: "EUR"}},
		{Bank, "account", "b", "", account.AccountOpened{Currency: "EUR"}},
		{Bank, "account", "a", "teller", account.FundsDeposited{Amount: 1000, Currency: "EUR"}},
		{Bank, "transfer", "t-1", "", ask},
		{Bank, "account", "a", first, out},
		{Bank, "account", "b", first, in},
		{Bank, "transfer", "t-1", first, transfer.TransferCompleted(ask)},
		{Bank, "transfer", "t-2", "", ask},
		{Bank, "account", "a", second, out},
		{Bank, "account", "a", second, back},
		{Bank, "transfer", "t-2", second, transfer.TransferFailed{From: "a", To: "b", Amount: 70, Currency: "EUR", Code: "account/closed"}},
		{Shop, "inventory", "book", "", inventory.StockReceived{Quantity: 5}},
		{Shop, "order", "o-1", "", order.OrderCreated{Lines: lines, Total: 500}},
		{Shop, "order", "o-2", "", order.OrderCreated{Lines: lines, Total: 500}},
		{Shop, "inventory", "book", "", inventory.ItemAllocated{OrderID: "o-1", Line: 1, Quantity: 3}},
		{Shop, "order", "o-2", "", order.OrderCancelled{}},
		{Shop, "payment", "o-1", "", payment.PaymentRequested{Amount: 500, Currency: "EUR", Account: "a"}},
		{Shop, "payment", "o-1", "", payment.PaymentReceived{Amount: 500}},
		{Shop, "shipment", "o-1", "", shipment.ShipmentArranged{}},
		{Shop, "shipment", "o-1", "", shipment.ShipmentDispatched{}},
		{Shop, "order", "o-1", "", order.OrderShipped{}},
		{Shop, "inventory", "book", "", inventory.ItemShipped{OrderID: "o-1", Line: 1, Quantity: 3}},
		{Bank, "account", "a", third, account.FundsReserved{HoldID: "payment/o-1", Amount: 500}}, // 22
		{Bank, "account", "a", third, account.FundsCaptured{HoldID: "payment/o-1", Amount: 500, Currency: "EUR", Channel: accountpayment.Channel}},
		{Shop, "payment", "o-2", "", payment.PaymentRequested{Amount: 300, Currency: "EUR", Account: "b"}}, // 24
		{Bank, "account", "b", fourth, account.FundsReserved{HoldID: "payment/o-2", Amount: 300}},
		{Bank, "account", "b", fourth, account.FundsCaptured{HoldID: "payment/o-2", Amount: 300, Currency: "EUR", Channel: accountpayment.Channel}},
		{Bank, "account", "b", fourth, account.FundsDeposited{Amount: 300, Currency: "EUR", Channel: accountpayment.ReversalChannel}}, // 27
		{Shop, "payment", "o-2", "", payment.PaymentCancelled{}},
		{Shop, "payment", "o-1", "", payment.PaymentSettled{}},
		{Shop, "refund", "r-1", "", refund.RefundRequested{PaymentID: "o-1", Account: "a", Amount: 100, Currency: "EUR"}}, // 30
		{Shop, "payment", "o-1", fifth, payment.PaymentRefunded{RefundID: "r-1", Amount: 100, Account: "a", StatusAfter: payment.StatusReceived}},
		{Bank, "account", "a", fifth, account.FundsDeposited{Amount: 100, Currency: "EUR", Channel: accountrefund.Channel}}, // 32
		{Shop, "refund", "r-1", fifth, refund.RefundCompleted{}},
		{Shop, "refund", "r-2", "", refund.RefundRequested{PaymentID: "o-1", Account: "a", Amount: 50, Currency: "EUR"}}, // 34
		{Shop, "payment", "o-1", sixth, payment.PaymentRefunded{RefundID: "r-2", Amount: 50, Account: "a", StatusAfter: payment.StatusReceived}},
		{Shop, "payment", "o-1", sixth, payment.RefundReversed{RefundID: "r-2", Amount: 50, Account: "a"}}, // 36
		{Shop, "refund", "r-2", sixth, refund.RefundFailed{Code: "account/closed"}},
	}
}

// audit folds a log and audits all of it.
func audit(t *testing.T, log []entry) (Transfers, Orders, error) {
	t.Helper()
	l := NewLog(domain.Contexts())
	versions := map[Key]int64{}
	for i, e := range log {
		key := Key{Context: e.context, Aggregate: e.aggregate, ID: e.id}
		versions[key]++
		err := l.Add(es.Recorded{
			Context: e.context, Aggregate: e.aggregate, Event: e.event,
			Meta: es.Meta{AggregateID: e.id, Version: versions[key], Actor: e.actor, EventID: es.ID{byte(i), 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	transfers, err := l.Money()
	orders, err2 := l.Stock()
	return transfers, orders, errors.Join(err, err2)
}

func TestTheAuditFindsNothingInGoodBooks(t *testing.T) {
	t.Parallel()
	transfers, orders, err := audit(t, books())
	if want := (Transfers{Completed: 1, Failed: 1, Reversed: 1}); err != nil || transfers != want {
		t.Errorf("%+v, want %+v: %v", transfers, want, err)
	}
	if want := (Orders{Shipped: 1, Cancelled: 1}); orders != want {
		t.Errorf("%+v, want %+v", orders, want)
	}
}

// TestTheAuditFindsWhatIsWrong tampers with good books in every way that a saga could.
func TestTheAuditFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tamper tamper
		want   error
	}{
		"money does not arrive":              {without(5), ErrMoney},
		"money arrives twice":                {twice(5), ErrTwice},
		"money is taken twice":               {twice(4), ErrTwice},
		"nothing is taken":                   {without(4), ErrMoney},
		"nothing is put back":                {without(9), ErrMoney},
		"it is put back twice":               {twice(9), ErrTwice},
		"a transfer does not end":            {without(6), ErrOpen},
		"a transfer fails, and does not end": {without(10), ErrOpen},
		"more arrives than was taken": {func(log []entry) []entry {
			log[5].event = account.FundsDeposited{Amount: 71, Currency: "EUR", Channel: transfer.Channel}
			return log
		}, ErrMoney},
		"somebody else gets it": {func(log []entry) []entry { log[5].id = "a"; return log }, ErrMoney},
		"nobody asked for it": {with(
			entry{Bank, "account", "a", "bank/money_transfer/t-3", account.FundsWithdrawn{Amount: 1, Currency: "EUR", Channel: transfer.Channel}},
			entry{Bank, "account", "b", "bank/money_transfer/t-3", account.FundsDeposited{Amount: 1, Currency: "EUR", Channel: transfer.Channel}},
		), ErrMoney},
		"money from an account is not taken":   {without(23), ErrMoney},
		"it is taken twice from it":            {twice(23), ErrTwice},
		"it is not put back into it":           {without(27), ErrMoney},
		"it is put back into it twice":         {twice(27), ErrTwice},
		"an account's money is left set aside": {with(entry{Bank, "account", "a", third, account.FundsReserved{HoldID: "another", Amount: 1}}), ErrMoney},
		"a shipped order's money is put back":  {with(entry{Bank, "account", "a", third, account.FundsDeposited{Amount: 500, Currency: "EUR", Channel: accountpayment.ReversalChannel}}), ErrMoney},
		"a payment is left half collected":     {func(log []entry) []entry { log[28].event = payment.PaymentCollected{}; return log }, ErrMoney},
		"nobody pays, and it is taken": {with(
			entry{Bank, "account", "a", "shop/account_payment/o-9", account.FundsCaptured{Amount: 1, Currency: "EUR", Channel: accountpayment.Channel}},
		), ErrMoney},
		"a refund does not arrive":        {without(32), ErrMoney},
		"it arrives twice":                {twice(32), ErrTwice},
		"somebody else gets the refund":   {func(log []entry) []entry { log[32].id = "b"; return log }, ErrMoney},
		"the payment knows nothing of it": {without(31), ErrMoney},
		"the payment takes it for another": {func(log []entry) []entry {
			log[31].event = payment.PaymentRefunded{RefundID: "r-9", Amount: 100, Account: "a", StatusAfter: payment.StatusReceived}
			return log
		}, ErrMoney},
		"a refund does not end":             {without(33), ErrOpen},
		"a refund that failed is kept back": {without(36), ErrMoney},
		"a refund that failed arrives":      {with(entry{Bank, "account", "a", sixth, account.FundsDeposited{Amount: 50, Currency: "EUR", Channel: accountrefund.Channel}}), ErrMoney},
		"a shipped order's money goes astray": {func(log []entry) []entry {
			log[31].event = payment.PaymentRefunded{RefundID: "r-1", Amount: 100, StatusAfter: payment.StatusReceived}
			return log
		}, ErrMoney},
		"an order does not end":            {without(20), ErrOpen},
		"a promise outlives its order":     {with(entry{Shop, "inventory", "book", "", inventory.ItemAllocated{OrderID: "o-2", Line: 1, Quantity: 1}}), ErrStock},
		"more is promised than there is":   {func(log []entry) []entry { log[11].event = inventory.StockReceived{Quantity: 2}; return log }, ErrStock},
		"goods leave that nobody bought":   {with(entry{Shop, "inventory", "book", "", inventory.ItemAllocated{OrderID: "o-2", Line: 1, Quantity: 1}}, entry{Shop, "inventory", "book", "", inventory.ItemShipped{OrderID: "o-2", Line: 1, Quantity: 1}}), ErrStock},
		"a cancelled order is paid":        {with(entry{Shop, "payment", "o-2", "", payment.PaymentReceived{Amount: 500}}), ErrMoney},
		"a cancelled order's money waits":  {with(entry{Shop, "payment", "o-2", "", payment.PaymentRequested{Amount: 500}}), ErrMoney},
		"a cancelled order's parcel waits": {with(entry{Shop, "shipment", "o-2", "", shipment.ShipmentArranged{}}), ErrStock},
		"a cancelled order's parcel left":  {with(entry{Shop, "shipment", "o-2", "", shipment.ShipmentArranged{}}, entry{Shop, "shipment", "o-2", "", shipment.ShipmentDispatched{}}), ErrStock},
		"a shipped order is not paid":      {func(log []entry) []entry { return slices.Delete(log[:29], 17, 18) }, ErrMoney}, // nor refunded
		"a shipped order is paid in part":  {func(log []entry) []entry { log[16].event = payment.PaymentRequested{Amount: 400}; return log }, ErrMoney},
		"a shipped order's parcel is here": {without(19), ErrStock},
	} {
		if _, _, err := audit(t, tc.tamper(books())); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestALogThatCannotBeIsNoticed(t *testing.T) {
	t.Parallel()
	open := es.Recorded{Context: Bank, Aggregate: "account", Event: account.AccountOpened{Currency: "EUR"}, Meta: es.Meta{AggregateID: "a", Version: 1, EventID: es.ID{1}}}
	again, gap, foreign := open, open, open
	again.Meta.Version = 2
	gap.Meta.EventID, gap.Meta.Version = es.ID{2}, 3
	foreign.Aggregate, foreign.Meta.EventID = "ledger", es.ID{3}
	for _, tc := range []struct {
		next es.Recorded
		want error
	}{{again, ErrTwice}, {gap, ErrDiffer}} {
		l := NewLog(domain.Contexts())
		if err := l.Add(open); err != nil {
			t.Fatal(err)
		}
		if err := l.Add(tc.next); !errors.Is(err, tc.want) {
			t.Errorf("%v, want %v", err, tc.want)
		}
		if l.Add(foreign) == nil {
			t.Error("an event of nobody is folded")
		}
	}
}

// TestTheWorkloadIsWhatItSays shows that the shares are there, and that the same numbers give the same deals.
func TestTheWorkloadIsWhatItSays(t *testing.T) {
	t.Parallel()
	w := Workload{Seed: 7, Accounts: 100, SKUs: 20, Customers: 40, Stock: 10, Debits: 25, Refunds: 50}
	var again, dead, answers, minds, refunds int
	for n := range 2_000 {
		lines := w.Transfer(n)
		if !reflect.DeepEqual(lines, w.Transfer(n)) || !reflect.DeepEqual(w.Order(n), w.Order(n)) {
			t.Fatalf("deal %d is another the second time", n)
		}
		again += len(lines) - 1
		for _, key := range []string{"from_account", "to_account"} {
			id := lines[0].Data[key].(string)
			if number := id[len(id)-2:]; slices.Contains([]string{"00", "01", "20", "21", "40", "41", "60", "61", "80", "81"}, number) {
				dead++
			}
		}
		id := w.Order(n).ID
		minds += len(w.Answer(es.Recorded{Event: payment.PaymentRequested{Account: "acct-0001"}, Meta: es.Meta{AggregateID: id}}))
		for _, e := range []any{payment.PaymentRequested{}, shipment.ShipmentArranged{}, order.OrderPaid{}} {
			answers += len(w.Answer(es.Recorded{Event: e, Meta: es.Meta{AggregateID: id}}))
		}
	}
	for n := range 2_000 {
		refunds += len(w.Answer(es.Recorded{Event: payment.PaymentSettled{Amount: 900}, Meta: es.Meta{AggregateID: w.Order(n).ID}}))
	}
	debits := w.DebitsOf(2_000)
	if again < 60 || again > 140 || dead < 140 || dead > 260 || answers != 4_000 || debits < 400 || debits > 600 || minds < 60 || minds > 140 || refunds < 280 || refunds > 470 {
		t.Errorf("of 2,000 transfers %d are asked for again and %d are with dead accounts; of 2,000 orders %d answers are given, %d are paid from accounts, and if all were, %d would be cancelled; %d refunds are asked for",
			again, dead, answers, debits, minds, refunds)
	}
	if len(w.Answer(es.Recorded{Event: payment.PaymentRequested{}, Meta: es.Meta{AggregateID: "somebody's"}})) != 0 {
		t.Error("an order that nobody here has placed is answered")
	}
}
