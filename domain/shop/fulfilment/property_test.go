package fulfilment_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/address"
	"recount/domain/shop/customer"
	. "recount/domain/shop/fulfilment"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// shop is one order and everything that it takes, with its fulfilment and what is under way between them.
type shop struct {
	order    order.Order
	customer customer.Customer
	payment  payment.Payment
	shipment shipment.Shipment
	stock    map[string]inventory.Inventory
	had      map[string]int64 // of each article, before

	saga    *estest.Instance
	decided map[string]es.Answered // by command ID: what aggregates remember
	waiting []es.Request
	answers []es.Answered
	events  []es.Happened // of the order, its payment and its shipment, in the order of their log
	told    int           // commands of the saga that were put under way
}

var types = []es.AggregateType{order.Type(), customer.Type(), payment.Type(), shipment.Type(), inventory.Type()}

func newShop(t *rapid.T) *shop {
	s := &shop{
		saga: estest.NewInstance(Saga(), estest.ProcessID), decided: map[string]es.Answered{},
		stock: map[string]inventory.Inventory{}, had: map[string]int64{},
	}
	for _, sku := range []string{"a", "b"} {
		s.had[sku] = rapid.SampledFrom([]int64{6, 20, 4, 1}).Draw(t, "stock")
		s.decide(t, "inventory", sku, inventory.Receive{Quantity: s.had[sku]})
		s.decide(t, "inventory", sku, inventory.Allocate{OrderID: "another", Line: 1, Quantity: 1})
	}
	home := address.Address{Street: "s", City: "c", Country: "MC"}
	limit := rapid.SampledFrom([]int64{100_000, 100_000, 100_000, 100}).Draw(t, "limit")
	s.decide(t, "customer", "ada", customer.Register{Name: "Ada", Email: "a@b", Address: home, Currency: "EUR", CreditLimit: limit})
	place := order.Place{CustomerID: "ada", Currency: "EUR", Carrier: "post", ShipTo: home}
	for range rapid.IntRange(1, 4).Draw(t, "lines") {
		place.Lines = append(place.Lines, order.Line{
			SKU: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "sku"), Quantity: rapid.Int64Range(1, 3).Draw(t, "quantity"), UnitPrice: 333, TaxRate: 2100,
		})
	}
	s.decide(t, "order", "1", place)
	return s
}

// decide has an aggregate decide a command, whoever sends it, and puts its events into the log.
func (s *shop) decide(t *rapid.T, aggregate, id string, body any) (err error) {
	var events []any
	switch c := body.(type) {
	case order.Command:
		s.order, events, err = handle(s.order, c)
	case customer.Command:
		s.customer, events, err = handle(s.customer, c)
	case payment.Command:
		s.payment, events, err = handle(s.payment, c)
	case shipment.Command:
		s.shipment, events, err = handle(s.shipment, c)
	case inventory.Command:
		s.stock[id], events, err = handle(s.stock[id], c)
	default:
		t.Fatalf("%T is no command", body)
	}
	if id != "1" {
		return err // the saga hears of its own ID alone
	}
	for _, e := range events {
		a := types[slices.IndexFunc(types, func(a es.AggregateType) bool { return a.Name() == aggregate })]
		name := estest.WireName(a, e)
		if slices.Contains(Saga().Concerns(), aggregate+"."+name) {
			s.events = append(s.events, es.Happened{Aggregate: aggregate, Type: name, Event: e})
		}
	}
	return err
}

func handle[S es.Aggregate[S, C, E], C, E any](s S, c C) (S, []any, error) {
	after, events, err := es.Handle[S, C, E](s, c)
	all := make([]any, len(events))
	for i, e := range events {
		all[i] = e
	}
	return after, all, err
}

// take gives the saga an input, and puts what it sends under way.
func (s *shop) take(t *rapid.T, what es.Occurrence) {
	var refusal es.Refusal
	if err := s.saga.Take(what); err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	s.waiting = append(s.waiting, s.saga.Sent[s.told:]...)
	s.told = len(s.saga.Sent)
}

// deliver has a command of the saga decided, now and then twice, and now and then break.
func (s *shop) deliver(t *rapid.T) {
	i := rapid.IntRange(0, len(s.waiting)-1).Draw(t, "which command")
	r := s.waiting[i]
	s.waiting = slices.Delete(s.waiting, i, i+1)
	answer, known := s.decided[r.CommandID]
	if !known {
		if rapid.IntRange(0, 19).Draw(t, "breaks") == 19 { // a dead letter: whoever sends it again must be the saga
			s.answers = append(s.answers, es.Answered{CommandID: r.CommandID, Outcome: es.Failed, Code: "decide-panicked"})
			return
		}
		answer = es.Answered{CommandID: r.CommandID, Outcome: es.Accepted}
		var no es.Refusal
		if err := s.decide(t, r.Aggregate, r.ID, r.Body); errors.As(err, &no) {
			answer.Outcome, answer.Code = es.Refused, string(no)
		}
		s.decided[r.CommandID] = answer
	}
	if rapid.IntRange(0, 9).Draw(t, "again") == 9 {
		s.waiting = append(s.waiting, r)
	}
	s.answers = append(s.answers, answer)
}

func (s *shop) answer(t *rapid.T) {
	i := rapid.IntRange(0, len(s.answers)-1).Draw(t, "which answer")
	a := s.answers[i]
	if rapid.IntRange(0, 9).Draw(t, "again") < 9 {
		s.answers = slices.Delete(s.answers, i, i+1)
	}
	s.take(t, a)
}

// hear gives the saga the next event of the log.
func (s *shop) hear(t *rapid.T) {
	next := s.events[0]
	s.events = s.events[1:]
	s.take(t, next)
}

// fire gives the saga a timer it waits for, early as it may be.
func (s *shop) fire(t *rapid.T) {
	timers := s.saga.Timers()
	s.take(t, es.Elapsed{Timer: timers[rapid.IntRange(0, len(timers)-1).Draw(t, "which timer")]})
}

// others are whoever moves the money, packs the parcel, and wants the order: they do as they please, also too late.
func (s *shop) others(t *rapid.T, patience int) {
	switch rapid.IntRange(0, 9+patience).Draw(t, "who") {
	case 0:
		_ = s.decide(t, "order", "1", order.Cancel{Reason: "changed my mind"})
	case 1:
		_ = s.decide(t, "payment", "1", payment.Decline{})
	case 2:
		_ = s.decide(t, "shipment", "1", shipment.Cancel{Reason: "lost"})
	case 3:
		_ = s.decide(t, "customer", "ada", customer.Block{})
	case 4, 5:
		_ = s.decide(t, "shipment", "1", shipment.Dispatch{})
	default:
		_ = s.decide(t, "payment", "1", payment.Authorise{Reference: "a"})
	}
}

// run does whatever can come next until nothing can, and orders a retry where the saga is stuck.
func (s *shop) run(t *rapid.T) {
	for n := range 5_000 {
		var can []func(*rapid.T)
		for _, next := range []struct {
			waits int
			do    func(*rapid.T)
		}{{len(s.waiting), s.deliver}, {len(s.answers), s.answer}, {len(s.events), s.hear}} {
			if next.waits > 0 {
				can = append(can, next.do)
			}
		}
		ended := s.phase().Ended()
		if !ended && (len(can) == 0 || rapid.IntRange(0, 9).Draw(t, "others") == 9) {
			can = append(can, func(t *rapid.T) { s.others(t, 10) })
		}
		if len(s.saga.Timers()) > 0 && rapid.IntRange(0, 29).Draw(t, "a timer") == 29 {
			can = append(can, s.fire)
		}
		if len(can) == 0 {
			return
		}
		if s.phase().IsStuck() {
			s.take(t, es.Ordered{Order: es.OrderRetry})
		}
		can[rapid.IntRange(0, len(can)-1).Draw(t, "next")](t)
		if n == 4_000 { // nobody answered for long enough: the warehouse has it leave
			_ = s.decide(t, "shipment", "1", shipment.Dispatch{})
		}
	}
	t.Fatalf("it does not end: %+v", s.saga.State)
}

func (s *shop) phase() saga.Phase { return s.saga.State.(saga.Instance[Plan]).Phase }

// TestEveryOrderEndsShippedOrCancelled has commands, answers, events and timers come in any order, twice, or break, while
// others decide for themselves. In the end the order is shipped with all it needs, or it is cancelled and holds nothing.
func TestEveryOrderEndsShippedOrCancelled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(t)
		s.run(t)
		if err := s.check(); err != nil {
			t.Fatalf("%v\n%+v", err, s.saga.State)
		}
		if err := s.saga.CheckFold(); err != nil {
			t.Fatal(err)
		}
	})
}

// check says what the order holds that it should not, or lacks.
func (s *shop) check() error {
	sold := map[string]int64{}
	shipped := s.order.Status == order.StatusShipped
	if shipped {
		for _, line := range s.order.Lines {
			sold[line.SKU] += line.Quantity
		}
	}
	var wrong []string
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	expect(shipped || s.order.Status == order.StatusCancelled, "the order is %q", s.order.Status)
	expect(s.customer.Reserved == 0, "%d of the credit is held", s.customer.Reserved)
	for sku, had := range s.had {
		now := s.stock[sku]
		expect(now.Allocated == 1 && len(now.Open) == 1, "of %s %v is promised, and not to the other order alone", sku, now.Open)
		expect(now.OnHand == had-sold[sku], "of %s there were %d and are %d, where %d were sold", sku, had, now.OnHand, sold[sku])
	}
	left := s.shipment.Status == shipment.StatusDispatched
	expect(left == shipped, "the order is %s and the parcel %q", s.order.Status, s.shipment.Status)
	expect(left || s.shipment.Status != shipment.StatusArranged, "a parcel is waiting for a cancelled order")
	paid := s.payment.Status == payment.StatusReceived
	expect(paid == shipped, "the order is %s and the payment %q", s.order.Status, s.payment.Status)
	open := s.payment.Status == payment.StatusRequested || s.payment.Status == payment.StatusAuthorised
	expect(!open, "the payment of a %s order is left %s", s.order.Status, s.payment.Status)
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

// TestTheCheckNoticesWhatIsLeft shows that the check above can fail.
func TestTheCheckNoticesWhatIsLeft(t *testing.T) {
	t.Parallel()
	fresh := func() *shop {
		return &shop{
			order: order.Order{Status: order.StatusCancelled}, had: map[string]int64{"a": 5},
			stock: map[string]inventory.Inventory{"a": {Known: true, OnHand: 5, Allocated: 1, Open: []inventory.Allocation{{OrderID: "another", Line: 1, Quantity: 1}}}},
		}
	}
	if err := fresh().check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*shop){
		"it has not ended":   func(s *shop) { s.order.Status = order.StatusPaid },
		"credit is held":     func(s *shop) { s.customer.Reserved = 1 },
		"goods are promised": func(s *shop) { s.stock["a"] = s.stock["a"].Evolve(inventory.ItemAllocated{OrderID: "1", Quantity: 1}) },
		"the other's are not": func(s *shop) {
			s.stock["a"] = s.stock["a"].Evolve(inventory.ItemReleased{OrderID: "another", Line: 1, Quantity: 1})
		},
		"goods are gone":               func(s *shop) { s.stock["a"] = s.stock["a"].Evolve(inventory.StockAdjusted{Difference: -1}) },
		"the money is kept":            func(s *shop) { s.payment.Status = payment.StatusReceived },
		"the money is set aside":       func(s *shop) { s.payment.Status = payment.StatusAuthorised },
		"a parcel waits":               func(s *shop) { s.shipment.Status = shipment.StatusArranged },
		"a parcel left":                func(s *shop) { s.shipment.Status = shipment.StatusDispatched },
		"it is shipped, and no parcel": func(s *shop) { s.order.Status = order.StatusShipped },
	} {
		s := fresh()
		if change(s); s.check() == nil {
			t.Errorf("%s, and nobody notices", name)
		}
	}
}
