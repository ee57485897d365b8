package shopday

import (
	"maps"
	"slices"
	"time"

	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
)

// World is everybody outside the shop, on one day. They ask for what they want hour by hour, read what the shop records,
// and answer what it still waits for by then. It is for one goroutine.
type World struct {
	day    Day
	orders []wish
	places map[string]int // in orders, by ID
	// asked is the newest event of an order that wants an answer from somebody.
	asked map[string]any
}

// World returns the day's.
func (d Day) World() *World {
	w := &World{day: d, orders: d.orders(), places: map[string]int{}, asked: map[string]any{}}
	for n := range w.orders {
		w.places[w.orders[n].id()] = n
	}
	return w
}

// Hour returns what is asked for in an hour, from 0: orders of the shop and transfers of the bank.
func (w *World) Hour(hour int) []Line {
	var out []Line
	for n := range w.orders {
		if o := &w.orders[n]; o.hour == hour {
			out = append(out, w.day.place(o))
		}
	}
	return append(out, w.day.transfers(hour)...)
}

// Notice takes in an event of the shop. Those of one order come in the order of the log.
func (w *World) Notice(r es.Recorded) {
	id := r.Meta.AggregateID
	if _, ours := w.places[id]; !ours {
		return
	}
	switch e := r.Event.(type) {
	case payment.PaymentRequested:
		if e.Account == "" { // else a saga answers
			w.asked[id] = e
		}
	case shipment.ShipmentArranged, order.OrderShipped, order.OrderDelivered, order.ItemsReturned:
		w.asked[id] = e
	case payment.PaymentCancelled, payment.PaymentDeclined, payment.PaymentReceived, shipment.ShipmentCancelled,
		shipment.ShipmentDispatched, order.OrderCancelled:
		delete(w.asked, id) // nobody waits for an answer any more
	}
}

// Answers returns what everybody does about what was noticed.
func (w *World) Answers() []Line {
	var out []Line
	for _, id := range slices.Sorted(maps.Keys(w.asked)) {
		o := &w.orders[w.places[id]]
		if _, money := w.asked[id].(payment.PaymentRequested); money && o.pays == isSilent {
			continue
		}
		out = append(out, w.answer(o, w.asked[id])...)
		delete(w.asked, id)
	}
	return out
}

// Waiting is of how many orders somebody has yet to hear: nobody answers for their money.
func (w *World) Waiting() int { return len(w.asked) }

func (w *World) answer(o *wish, event any) []Line {
	switch e := event.(type) {
	case payment.PaymentRequested:
		return []Line{w.pay(o)}
	case shipment.ShipmentArranged:
		return []Line{w.pack(o)}
	case order.OrderShipped:
		if o.arrives {
			return []Line{w.day.line("shop.order.deliver", o.id(), "deliver", o.at.Add(26*time.Hour), map[string]any{})}
		}
	case order.OrderDelivered:
		if o.returns > 0 {
			return []Line{w.sendBack(o, "return-1", o.at.AddDate(0, 0, 3+o.number%9), "it does not fit", o.first())}
		}
	case order.ItemsReturned:
		return w.takeBack(o, e)
	}
	return nil
}

func (w *World) pack(o *wish) Line {
	at := o.at.Add(2 * time.Hour)
	if !o.packs {
		return w.day.line("shop.shipment.cancel", o.id(), "no parcel", at, map[string]any{"reason": "no box is large enough"})
	}
	return w.day.line("shop.shipment.dispatch", o.id(), "dispatch", at, map[string]any{"tracking_number": "DE-" + o.id()})
}

func (w *World) pay(o *wish) Line {
	at := o.at.Add(30 * time.Minute)
	switch o.pays {
	case declines:
		return w.day.line("shop.payment.decline", o.id(), "decline", at, map[string]any{"reason": "no cover"})
	case cancels:
		return w.day.line("shop.order.cancel", o.id(), "cancel", at, map[string]any{"reason": "found it cheaper"})
	}
	return w.day.line("shop.payment.authorise", o.id(), "authorise", at, map[string]any{"reference": "card-" + o.id()})
}
