package shipment

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Arrange asks to send the goods of an order. It may be sent again as it was.
type Arrange struct {
	OrderID string `avro:"order_id"`
	Carrier string `avro:"carrier"`
}

// Dispatch says that the parcel has left.
type Dispatch struct {
	// TrackingNumber is the carrier's; empty where it has none.
	TrackingNumber string `avro:"tracking_number"`
}

// Deliver says that the parcel has arrived.
type Deliver struct{}

// Cancel asks not to send what has not left.
type Cancel struct {
	Reason string `avro:"reason"`
}

func (Arrange) command()  {}
func (Dispatch) command() {}
func (Deliver) command()  {}
func (Cancel) command()   {}

// Event states what happened. The set is sealed.
//
//sumtype:decl
type Event interface{ event() }

// ShipmentArranged begins a shipment.
type ShipmentArranged struct {
	OrderID string `avro:"order_id"`
	Carrier string `avro:"carrier"`
}

// ShipmentDispatched says that the parcel has left.
type ShipmentDispatched struct {
	OrderID        string `avro:"order_id"`
	Carrier        string `avro:"carrier"`
	TrackingNumber string `avro:"tracking_number"`
}

// ShipmentDelivered says that the parcel has arrived.
type ShipmentDelivered struct {
	OrderID        string `avro:"order_id"`
	Carrier        string `avro:"carrier"`
	TrackingNumber string `avro:"tracking_number"`
}

// ShipmentCancelled says that the parcel will not leave.
type ShipmentCancelled struct {
	OrderID string `avro:"order_id"`
	Carrier string `avro:"carrier"`
	Reason  string `avro:"reason"`
}

func (ShipmentArranged) event()   {}
func (ShipmentDispatched) event() {}
func (ShipmentDelivered) event()  {}
func (ShipmentCancelled) event()  {}
