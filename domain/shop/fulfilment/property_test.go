package fulfilment_test

import (
	"errors"
	"fmt"
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

	traffic estest.Traffic
	saga    *estest.Instance
	asked   int // how often others did something
}

func newShop(t *rapid.T) *shop {
	s := &shop{stock: map[string]inventory.Inventory{}, had: map[string]int64{}}
	s.traffic.Decide, s.traffic.Breaks = s.decide, 20
	s.saga = s.traffic.Add(Saga(), estest.ProcessID)
	for _, sku := range []string{"a", "b"} {
		s.had[sku] = rapid.SampledFrom([]int64{6, 20, 4, 1}).Draw(t, "stock")
		s.ask("inventory", sku, inventory.Receive{Quantity: s.had[sku]})
		s.ask("inventory", sku, inventory.Allocate{OrderID: "another", Line: 1, Quantity: 1})
	}
	home := address.Address{Street: "s", City: "c", Country: "MC"}
	limit := rapid.SampledFrom([]int64{100_000, 100_000, 100_000, 100}).Draw(t, "limit")
	s.ask("customer", "ada", customer.Register{Name: "Ada", Email: "a@b", Address: home, Currency: "EUR", CreditLimit: limit})
	place := order.Place{CustomerID: "ada", Currency: "EUR", Carrier: "post", ShipTo: home}
	for range rapid.IntRange(1, 4).Draw(t, "lines") {
		place.Lines = append(place.Lines, order.Line{
			SKU: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "sku"), Quantity: rapid.Int64Range(1, 3).Draw(t, "quantity"), UnitPrice: 333, TaxRate: 2100,
		})
	}
	s.ask("order", "1", place)
	return s
}

// ask has an aggregate decide what somebody else than the saga wants, and leaves it at the answer.
func (s *shop) ask(aggregate, id string, body any) {
	_ = s.decide(es.Request{Command: es.Command{Aggregate: aggregate, ID: id, Body: body}})
}

func (s *shop) decide(r es.Request) (err error) {
	x := &s.traffic
	switch c := r.Body.(type) {
	case order.Command:
		s.order, err = estest.Ask(x, order.Type(), r.ID, s.order, c)
	case customer.Command:
		s.customer, err = estest.Ask(x, customer.Type(), r.ID, s.customer, c)
	case payment.Command:
		s.payment, err = estest.Ask(x, payment.Type(), r.ID, s.payment, c)
	case shipment.Command:
		s.shipment, err = estest.Ask(x, shipment.Type(), r.ID, s.shipment, c)
	case inventory.Command:
		s.stock[r.ID], err = estest.Ask(x, inventory.Type(), r.ID, s.stock[r.ID], c)
	default:
		return fmt.Errorf("%T is no command", c)
	}
	return err
}

// others are whoever moves the money, packs the parcel, and wants the order: they do as they please, also too late. Where
// nobody has answered for long enough, the warehouse has the parcel leave.
func (s *shop) others(t *rapid.T) {
	if s.asked++; s.asked > patience {
		s.ask("shipment", "1", shipment.Dispatch{})
	}
	switch rapid.IntRange(0, 19).Draw(t, "who") {
	case 0:
		s.ask("order", "1", order.Cancel{Reason: "changed my mind"})
	case 1:
		s.ask("payment", "1", payment.Decline{})
	case 2:
		s.ask("shipment", "1", shipment.Cancel{Reason: "lost"})
	case 3:
		s.ask("customer", "ada", customer.Block{})
	case 4, 5:
		s.ask("shipment", "1", shipment.Dispatch{})
	default:
		s.ask("payment", "1", payment.Authorise{Reference: "a"})
	}
}

// patience is how often others do something until somebody wants to see the end.
const patience = 1_000

func (s *shop) ended() bool { return s.saga.State.(saga.Instance[Plan]).Phase.Ended() }

// TestEveryOrderEndsShippedOrCancelled has commands, answers, events and timers come in any order, twice, or break, while
// others decide for themselves. In the end the order is shipped with all it needs, or it is cancelled and holds nothing.
func TestEveryOrderEndsShippedOrCancelled(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newShop(t)
		s.traffic.Run(t, s.ended, s.others)
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
