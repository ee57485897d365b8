// Package shipment is the shipment aggregate: the parcel of one order. Its ID is the order's, so that an order is sent
// once, and so that both lie in one partition.
//
//	arranged → dispatched → delivered
//	    └──▶ cancelled
//
// It doesn't know where the parcel goes: the order says so, and personal data stays where it was given.
package shipment

import "recount/internal/es"

// Status is where a shipment stands. The strings are wire names.
type Status string

// The statuses of a shipment; one that nobody has arranged has none.
const (
	StatusArranged   Status = "arranged"
	StatusDispatched Status = "dispatched" // it has left
	StatusDelivered  Status = "delivered"
	StatusCancelled  Status = "cancelled" // it never leaves
)

// Shipment is the state of one shipment. Its zero value was never arranged.
type Shipment struct {
	Status         Status `avro:"status"`
	OrderID        string `avro:"order_id"`
	Carrier        string `avro:"carrier"`
	TrackingNumber string `avro:"tracking_number"`
}

// Decide returns the facts c makes true, or refuses.
func (s Shipment) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Arrange:
		return s.arrange(c)
	case Dispatch:
		return s.dispatch(c)
	case Deliver:
		return s.deliver()
	case Cancel:
		return s.cancel(c)
	}
	panic(es.Unhandled(c))
}

func (s Shipment) arrange(c Arrange) ([]Event, error) {
	if s.Status != "" {
		same := c == Arrange{OrderID: s.OrderID, Carrier: s.Carrier}
		return nil, es.First(
			es.Require(s.Status != StatusCancelled, Cancelled),
			es.Require(same, AlreadyArranged))
	}
	return es.Emit[Event](
		ShipmentArranged(c),
		es.Require(c.OrderID != "", OrderMissing),
		es.Require(c.Carrier != "", CarrierMissing))
}

func (s Shipment) dispatch(c Dispatch) ([]Event, error) {
	if s.hasLeft() {
		return nil, es.Require(c.TrackingNumber == s.TrackingNumber, AlreadyDispatched)
	}
	return es.Emit[Event](
		ShipmentDispatched{OrderID: s.OrderID, Carrier: s.Carrier, TrackingNumber: c.TrackingNumber},
		s.requireArranged())
}

func (s Shipment) deliver() ([]Event, error) {
	if s.Status == StatusDelivered {
		return nil, nil
	}
	return es.Emit[Event](
		ShipmentDelivered{OrderID: s.OrderID, Carrier: s.Carrier, TrackingNumber: s.TrackingNumber},
		s.requireArranged(),
		es.Require(s.hasLeft(), NotDispatched))
}

func (s Shipment) cancel(c Cancel) ([]Event, error) {
	if s.Status == StatusCancelled {
		return nil, nil
	}
	return es.Emit[Event](
		ShipmentCancelled{OrderID: s.OrderID, Carrier: s.Carrier, Reason: c.Reason},
		s.requireArranged(),
		es.Require(!s.hasLeft(), AlreadyDispatched))
}

func (s Shipment) hasLeft() bool { return s.Status == StatusDispatched || s.Status == StatusDelivered }

// requireArranged refuses what is asked of a shipment that is not there yet, or will never be.
func (s Shipment) requireArranged() error {
	return es.First(
		es.Require(s.Status != "", NotArranged),
		es.Require(s.Status != StatusCancelled, Cancelled))
}

// Evolve returns the shipment after e. It never refuses and never panics: e already happened.
func (s Shipment) Evolve(e Event) Shipment {
	switch e := e.(type) {
	case ShipmentArranged:
		s.Status, s.OrderID, s.Carrier = StatusArranged, e.OrderID, e.Carrier
	case ShipmentDispatched:
		s.Status, s.TrackingNumber = StatusDispatched, e.TrackingNumber
	case ShipmentDelivered:
		s.Status = StatusDelivered
	case ShipmentCancelled:
		s.Status = StatusCancelled
	default:
		panic(es.Unhandled(e))
	}
	return s
}
