package shopday

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
)

// all are the lines of a day in which everything is asked once: by hour, the opening before the first.
func all(d Day) [][]Line {
	w, out := d.World(), [][]Line{d.Opening()}
	for hour := range Hours {
		out = append(out, w.Hour(hour))
	}
	return out
}

func TestTheSameSeedGivesTheSameDay(t *testing.T) {
	t.Parallel()
	text := func(seed uint64) string {
		raw, err := json.Marshal(all(Day{Seed: seed, Orders: 500}))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	first, again := text(1), text(1)
	if first != again {
		t.Error("the same seed gave another day")
	}
	if first == text(2) {
		t.Error("another seed gave the same day")
	}
}

func TestADayHasEverything(t *testing.T) {
	t.Parallel()
	types, ids := map[string]int{}, map[string]int{}
	for _, hour := range all(Day{Seed: 1, Orders: 1_000}) {
		for _, l := range hour {
			types[l.Type]++
			ids[l.CommandID]++
		}
	}
	want := []string{
		"bank.account.close", "bank.account.deposit", "bank.account.freeze", "bank.account.open", "bank.transfer.request",
		"shop.customer.block", "shop.customer.register", "shop.inventory.adjust", "shop.inventory.receive", "shop.order.place",
	}
	if got := slices.Sorted(maps.Keys(types)); !slices.Equal(got, want) || types["shop.order.place"] != 1_000 || types["bank.transfer.request"] < 201 {
		t.Errorf("%v", types)
	}
	twice := 0
	for id, n := range ids {
		if n > 1 && !strings.Contains(id, "/transfer-") {
			t.Errorf("%s is there %d times", id, n)
		}
		twice += n - 1
	}
	if twice == 0 {
		t.Error("no transfer is asked for twice")
	}
	fates := map[string]int{}
	w := Day{Seed: 1, Orders: 1_000}.World()
	for n := range w.orders {
		o := &w.orders[n]
		for name, is := range map[string]bool{
			"declined": o.pays == declines, "cancelled": o.pays == cancels, "silent": o.pays == isSilent, "unpacked": !o.packs, "on the way": !o.arrives,
			"sent back": o.returns == 1, "twice": o.returns == 2, "scarce": strings.HasPrefix(o.lines[0].sku, "rare"),
			"from an account": o.account != "", "little credit": hasLittleCredit(o.customer), "blocked": isBlocked(o.customer), "several lines": len(o.lines) > 1,
		} {
			if is {
				fates[name]++
			}
		}
	}
	if len(fates) != 12 {
		t.Errorf("too little happens: %v", fates)
	}
}

// conflict says which order of an hour could take from another of the same hour what it needs, or get what another sets
// free at the same time; "": none.
func conflict(orders []wish) string {
	wishes := map[string]int{} // whose they are, and the hour of the newest
	for n := range orders {
		o := &orders[n]
		var single []string
		for _, l := range o.lines {
			if strings.HasPrefix(l.sku, "rare") {
				single = append(single, l.sku)
			}
		}
		if o.customer%customersEach < 2 {
			single = append(single, customerID(o.customer))
		}
		for _, name := range single {
			if before, known := wishes[name]; known && (o.hour == before || (o.hour-before)%3 != 0) {
				return o.id() + " and another want " + name
			}
			wishes[name] = o.hour
		}
		if len(single) > 0 && (o.pays == isSilent || o.returns > 1) {
			return o.id() + " holds, or brings back, what others wait for, at any time"
		}
	}
	return ""
}

func TestWhatCanBeRefusedForOthersHasOneWishAtATime(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		for _, orders := range []int{100, 1_000} {
			if found := conflict(Day{Seed: seed, Orders: orders}.orders()); found != "" {
				t.Errorf("seed %d, %d orders: %s", seed, orders, found)
			}
		}
	}
	rare := []wanted{{sku: scarceID(0), pieces: 1}}
	for name, orders := range map[string][]wish{
		"in one hour":      {{customer: 2, lines: rare}, {number: 1, customer: 3, lines: rare}},
		"in the next":      {{customer: 2, lines: rare}, {number: 1, hour: 1, customer: 3, lines: rare}},
		"for ever":         {{customer: 2, lines: rare, pays: isSilent}},
		"back much later":  {{customer: 2, lines: rare, returns: 2}},
		"of little credit": {{customer: customersEach, lines: []wanted{{sku: articleID(1)}}}, {number: 1, hour: 2, customer: customersEach, lines: []wanted{{sku: articleID(1)}}}},
	} {
		if conflict(orders) == "" {
			t.Errorf("%s: no conflict is found", name)
		}
	}
}

// TestTheWorldAnswersWhatIsStillWaitedFor follows one order after another through what the shop records of it.
func TestTheWorldAnswersWhatIsStillWaitedFor(t *testing.T) {
	t.Parallel()
	w := Day{Seed: 1, Orders: 5}.World()
	fates := []wish{
		{pays: authorises, packs: true, arrives: true, returns: 2},
		{pays: declines},
		{pays: cancels},
		{pays: isSilent},
		{account: "giro-1", returns: 1},
	}
	for n := range w.orders {
		o := &w.orders[n]
		o.pays, o.packs, o.arrives, o.returns, o.account = fates[n].pays, fates[n].packs, fates[n].arrives, fates[n].returns, fates[n].account
		o.lines = []wanted{{sku: "a", pieces: 2}, {sku: "b", pieces: 1}}
	}
	notice := func(n int, events ...any) {
		for _, e := range events {
			w.Notice(es.Recorded{Event: e, Meta: es.Meta{AggregateID: orderID(n)}})
		}
	}
	expect := func(types ...string) {
		t.Helper()
		var got []string
		for _, l := range w.Answers() {
			got = append(got, l.Type+" "+l.ID)
		}
		if !slices.Equal(got, types) {
			t.Errorf("answers %q, want %q", got, types)
		}
	}
	for n := range 4 {
		notice(n, payment.PaymentRequested{})
	}
	notice(7, payment.PaymentRequested{})                  // somebody else's
	notice(4, payment.PaymentRequested{Account: "giro-1"}) // nobody is asked
	expect("shop.payment.authorise "+orderID(0), "shop.payment.decline "+orderID(1), "shop.order.cancel "+orderID(2))
	expect() // nobody answers twice
	if w.Waiting() != 1 {
		t.Errorf("%d orders wait, want the one that nobody answers for", w.Waiting())
	}
	notice(3, payment.PaymentCancelled{})
	notice(1, payment.PaymentRequested{}, payment.PaymentCancelled{}) // too late to answer
	notice(0, payment.PaymentReceived{}, shipment.ShipmentArranged{})
	expect("shop.shipment.dispatch " + orderID(0))
	if w.Waiting() != 0 {
		t.Errorf("%d orders wait", w.Waiting())
	}
	notice(0, shipment.ShipmentDispatched{}, order.OrderShipped{})
	expect("shop.order.deliver " + orderID(0))
	notice(0, order.OrderDelivered{})
	expect("shop.order.return " + orderID(0))
	notice(0, order.ItemsReturned{ReturnID: "return-1", Currency: "EUR", Refund: 5, Lines: []order.ReturnedLine{{Line: 1, SKU: "a", Quantity: 1}}})
	expect("shop.payment.refund "+orderID(0), "shop.inventory.receive a", "shop.order.return "+orderID(0))
	if rest := w.orders[0].rest(); !reflect.DeepEqual(rest, []back{{1, 1}, {2, 1}}) {
		t.Errorf("left are %v", rest)
	}
	notice(0, order.ItemsReturned{ReturnID: "return-2", Currency: "EUR", Refund: 9, Lines: []order.ReturnedLine{{Line: 1, SKU: "a", Quantity: 1}, {Line: 2, SKU: "b", Quantity: 1}}})
	expect("shop.payment.refund "+orderID(0), "shop.inventory.receive a", "shop.inventory.receive b")
	notice(4, order.ItemsReturned{ReturnID: "return-1", Currency: "EUR", Refund: 5, Lines: []order.ReturnedLine{{Line: 1, SKU: "a", Quantity: 1}}})
	expect("shop.refund.request "+orderID(4)+"-return-1", "shop.inventory.receive a")
}
