package kafka

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// OrderKind is what an order wishes for.
type OrderKind string

// The kinds. Others may stand in the control topic, from other tools; whoever does not know a kind passes it over.
const (
	// PinOrder has a partition be owned by a worker, whenever that is there.
	PinOrder OrderKind = "pin"
	// DrainOrder has a worker own nothing.
	DrainOrder OrderKind = "drain"
	// WarmOrder has a worker follow a partition, beside those it follows anyway, so that it can take it over quickly.
	WarmOrder OrderKind = "warm"
)

// Order is one of an operator's wishes, a record of the control topic. Its key is made of context, kind and what it
// concerns, so that a later order replaces an earlier one. It is JSON, not Avro like everything else: an operator must be
// able to steer, and to read what is ordered, with no registry at hand.
type Order struct {
	Version int       `json:"v"`
	Context string    `json:"context"`
	Kind    OrderKind `json:"kind"`
	// Partition is what a pin and a warm order concern.
	Partition int32  `json:"partition"`
	Worker    string `json:"worker"`
	// Until is when the order ends by itself, so that a tool that dies holds nothing; nil: when it is withdrawn.
	Until *time.Time `json:"until,omitempty"`
	// At and By are for people who read the topic.
	At time.Time `json:"at"`
	By string    `json:"by,omitempty"`
}

const orderVersion = 1

// key is the order's place in the control topic. A worker's name holds no slash.
func (o Order) key() string {
	switch o.Kind {
	case PinOrder:
		return fmt.Sprintf("%s/%s/%d", o.Context, o.Kind, o.Partition)
	case WarmOrder:
		return fmt.Sprintf("%s/%s/%d/%s", o.Context, o.Kind, o.Partition, o.Worker)
	}
	return fmt.Sprintf("%s/%s/%s", o.Context, o.Kind, o.Worker)
}

func (o Order) encode() ([]byte, error) {
	o.Version = orderVersion
	return json.Marshal(o)
}

// decodeOrder returns an order that a record holds; false: something else, or in a form that is not known here.
func decodeOrder(value []byte) (Order, bool) {
	var o Order
	if err := json.Unmarshal(value, &o); err != nil || o.Version != orderVersion || o.Worker == "" {
		return Order{}, false
	}
	switch o.Kind {
	case PinOrder, DrainOrder, WarmOrder:
		return o, true
	}
	return Order{}, false
}

// ends says whether o is over at a time.
func (o Order) ends(at time.Time) bool { return o.Until != nil && !at.Before(*o.Until) }

// Orders are those of one context that are in force.
type Orders struct {
	Pins   map[int32]string // partition → worker
	Drains map[string]bool
	Warm   map[int32][]string // partition → workers
	// Revision rises with every pin or drain that is given or withdrawn.
	Revision int64
}

// SameAssignment says whether o and p have the same partitions go to the same workers.
func (o Orders) SameAssignment(p Orders) bool {
	return maps.Equal(o.Pins, p.Pins) && maps.Equal(o.Drains, p.Drains)
}

// WarmFor returns the partitions that worker is to follow by order.
func (o Orders) WarmFor(worker string) []int32 {
	var out []int32
	for p, workers := range o.Warm {
		for _, w := range workers {
			if w == worker {
				out = append(out, p)
			}
		}
	}
	return out
}

// book is what stands in the control topic for one context, by key.
type book struct {
	context  string
	orders   map[string]Order
	revision int64
}

func newBook(context string) *book { return &book{context: context, orders: map[string]Order{}} }

// enter takes a record over and reports whether it was one of this context's orders.
func (b *book) enter(key, value []byte, offset int64) bool {
	was, known := b.orders[string(key)]
	o, is := decodeOrder(value)
	is = is && o.Context == b.context && o.key() == string(key)
	switch {
	case is:
		b.orders[string(key)] = o
	case known:
		delete(b.orders, string(key))
		o = was
	default:
		return false
	}
	if o.Kind != WarmOrder {
		b.revision = offset + 1
	}
	return true
}

// inForce are the orders at a time.
func (b *book) inForce(now time.Time) Orders {
	out := Orders{Pins: map[int32]string{}, Drains: map[string]bool{}, Warm: map[int32][]string{}, Revision: b.revision}
	for _, o := range b.orders {
		if o.ends(now) {
			continue
		}
		switch o.Kind {
		case PinOrder:
			out.Pins[o.Partition] = o.Worker
		case DrainOrder:
			out.Drains[o.Worker] = true
		case WarmOrder:
			out.Warm[o.Partition] = append(out.Warm[o.Partition], o.Worker)
		}
	}
	return out
}

// next is when the next of the orders ends by itself; zero: none does.
func (b *book) next(now time.Time) (next time.Time) {
	for _, o := range b.orders {
		if o.Until != nil && !o.ends(now) && (next.IsZero() || o.Until.Before(next)) {
			next = *o.Until
		}
	}
	return next
}

// String says what is ordered.
func (o Order) String() string {
	if o.Kind == DrainOrder {
		return fmt.Sprintf("%s %s", o.Kind, o.Worker)
	}
	return fmt.Sprintf("%s %s/%s to %s", o.Kind, o.Context, strconv.Itoa(int(o.Partition)), o.Worker)
}
