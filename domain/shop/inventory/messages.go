package inventory

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Receive says that goods have come in: from a supplier, or back from a customer.
type Receive struct {
	Quantity int64 `avro:"quantity"`
	// Reference is the caller's own words: a delivery note, a return.
	Reference string `avro:"reference"`
}

// Allocate asks to promise goods to a line of an order. It may be sent again: one line is promised its goods once.
type Allocate struct {
	OrderID string `avro:"order_id"`
	// Line counts from 1.
	Line     int32 `avro:"line"`
	Quantity int64 `avro:"quantity"`
}

// Release takes a promise back. A line that is promised nothing, or no longer, stays so.
type Release struct {
	OrderID string `avro:"order_id"`
	Line    int32  `avro:"line"`
}

// Ship says that what a line was promised has left.
type Ship struct {
	OrderID string `avro:"order_id"`
	Line    int32  `avro:"line"`
}

// Adjust says that there is more, or less, than was known: somebody counted, something broke.
type Adjust struct {
	// Difference is signed: what there is, less what was known.
	Difference int64  `avro:"difference"`
	Reason     string `avro:"reason"`
}

func (Receive) command()  {}
func (Allocate) command() {}
func (Release) command()  {}
func (Ship) command()     {}
func (Adjust) command()   {}

// Event states what happened. The set is sealed.
//
// Every event tells how much there was after it, and how much of that was promised. These are facts of the version they
// were written at; an answer for a moment in time adds up changes instead.
//
//sumtype:decl
type Event interface{ event() }

// StockReceived says that goods came in.
type StockReceived struct {
	Quantity       int64  `avro:"quantity"`
	Reference      string `avro:"reference"`
	OnHandAfter    int64  `avro:"on_hand_after"`
	AllocatedAfter int64  `avro:"allocated_after"`
}

// ItemAllocated says that goods are promised to a line of an order.
type ItemAllocated struct {
	OrderID        string `avro:"order_id"`
	Line           int32  `avro:"line"`
	Quantity       int64  `avro:"quantity"`
	OnHandAfter    int64  `avro:"on_hand_after"`
	AllocatedAfter int64  `avro:"allocated_after"`
}

// ItemReleased says that a promise was taken back.
type ItemReleased struct {
	OrderID        string `avro:"order_id"`
	Line           int32  `avro:"line"`
	Quantity       int64  `avro:"quantity"`
	OnHandAfter    int64  `avro:"on_hand_after"`
	AllocatedAfter int64  `avro:"allocated_after"`
}

// ItemShipped says that what was promised has left.
type ItemShipped struct {
	OrderID        string `avro:"order_id"`
	Line           int32  `avro:"line"`
	Quantity       int64  `avro:"quantity"`
	OnHandAfter    int64  `avro:"on_hand_after"`
	AllocatedAfter int64  `avro:"allocated_after"`
}

// StockAdjusted says that there was more, or less, than was known.
type StockAdjusted struct {
	Difference     int64  `avro:"difference"`
	Reason         string `avro:"reason"`
	OnHandAfter    int64  `avro:"on_hand_after"`
	AllocatedAfter int64  `avro:"allocated_after"`
}

func (StockReceived) event() {}
func (ItemAllocated) event() {}
func (ItemReleased) event()  {}
func (ItemShipped) event()   {}
func (StockAdjusted) event() {}
