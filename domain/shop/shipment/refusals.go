package shipment

import "recount/internal/es"

// Refusals: the answers "no" of a shipment. The strings are wire names that callers branch on: they never change.
const (
	// NotArranged refuses any command but Arrange to a shipment that nobody has arranged.
	NotArranged es.Refusal = "shipment/not-arranged"
	// AlreadyArranged refuses to arrange a shipment again, otherwise than it is.
	AlreadyArranged es.Refusal = "shipment/already-arranged"
	// OrderMissing refuses a shipment of no order.
	OrderMissing es.Refusal = "shipment/order-missing"
	// CarrierMissing refuses a shipment that nobody is to carry.
	CarrierMissing es.Refusal = "shipment/carrier-missing"
	// Cancelled refuses to go on with a shipment that was cancelled.
	Cancelled es.Refusal = "shipment/cancelled"
	// AlreadyDispatched refuses to cancel what has left, and that it leaves again under another number.
	AlreadyDispatched es.Refusal = "shipment/already-dispatched"
	// NotDispatched refuses that something arrives that has not left.
	NotDispatched es.Refusal = "shipment/not-dispatched"
)
