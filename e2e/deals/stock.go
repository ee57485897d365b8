package deals

import (
	"errors"
	"fmt"
	"slices"

	"recount/domain/shop/customer"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
)

// Orders counts what has become of orders.
type Orders struct{ Shipped, Cancelled int }

// watchStock looks at every version of an article.
func (l *Log) watchStock(key Key, version int64, state any) {
	s, ok := state.(inventory.Inventory)
	if !ok {
		return
	}
	var open int64
	for _, a := range s.Open {
		open += a.Quantity
	}
	if s.Allocated < 0 || s.Allocated > s.OnHand || s.Allocated != open {
		l.below = append(l.below, fmt.Errorf("version %d of article %s has %d, promises %d, and %d to somebody: %w", version, key.ID, s.OnHand, s.Allocated, open, ErrStock))
	}
}

// Stock audits the shop: every order is shipped with all it needs or is cancelled and holds nothing; what is promised of
// an article is what open orders are promised, and at no version was it more than there is.
func (l *Log) Stock() (Orders, error) {
	var n Orders
	f := faults{found: l.below}
	sold := map[string]int64{}
	for key, o := range all[order.Order](l, "order") {
		shipped := o.Status == order.StatusShipped || o.Status == order.StatusDelivered
		switch {
		case shipped:
			n.Shipped++
			for _, line := range o.Lines {
				sold[line.SKU] += line.Quantity
			}
		case o.Status == order.StatusCancelled:
			n.Cancelled++
		default:
			f.add(ErrOpen, "order %s, %s,", key.ID, o.Status)
			continue
		}
		l.checkOrder(&f, key.ID, o, shipped)
	}
	for key, s := range all[inventory.Inventory](l, "inventory") {
		// Every order has ended, so nothing is promised, and what is gone was sold.
		if s.Allocated != 0 || len(s.Open) != 0 {
			f.add(ErrStock, "of article %s %d are promised in the end", key.ID, s.Allocated)
		}
		if received := l.received[key.ID]; s.OnHand != received-sold[key.ID] {
			f.add(ErrStock, "of article %s there are %d: %d came and %d were sold", key.ID, s.OnHand, received, sold[key.ID])
		}
	}
	for key, c := range all[customer.Customer](l, "customer") {
		if key.Context == Shop && c.Reserved != 0 {
			f.add(ErrMoney, "customer %s has %d on order in the end", key.ID, c.Reserved)
		}
	}
	return n, errors.Join(f.found...)
}

// checkOrder compares how an order ended with its payment and its parcel.
func (l *Log) checkOrder(f *faults, id string, o order.Order, shipped bool) {
	p, _ := l.states[Key{Shop, "payment", id}].(payment.Payment)
	s, _ := l.states[Key{Shop, "shipment", id}].(shipment.Shipment)
	if left := s.Status == shipment.StatusDispatched || s.Status == shipment.StatusDelivered; left != shipped || s.Status == shipment.StatusArranged {
		f.add(ErrStock, "order %s is %s and its parcel %q", id, o.Status, s.Status)
	}
	switch paid := wasKept(p); {
	case paid != shipped, slices.Contains(underWay(), p.Status):
		f.add(ErrMoney, "order %s is %s and its payment %q", id, o.Status, p.Status)
	case paid && (p.Amount != o.Total || slices.ContainsFunc(p.Refunds, intoNoAccount)):
		f.add(ErrMoney, "order %s is %s, costs %d, and %d were paid, less %v", id, o.Status, o.Total, p.Amount, p.Refunds)
	}
}

// intoNoAccount is a refund that nobody here asks for: whether others arrive, the books of the accounts tell.
func intoNoAccount(r payment.Refunded) bool { return r.Account == "" }

// underWay are the statuses in which a payment waits for somebody.
func underWay() []payment.Status {
	return []payment.Status{payment.StatusRequested, payment.StatusAuthorised, payment.StatusCollecting, payment.StatusCollected}
}
