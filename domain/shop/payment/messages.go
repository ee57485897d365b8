package payment

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Request asks to be paid for an order. It may be sent again as it was.
type Request struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	// Amount is all that is to be paid, Tax what of it is tax.
	Amount   int64  `avro:"amount"`
	Tax      int64  `avro:"tax"`
	Currency string `avro:"currency"`
}

// Authorise says that the money is set aside for us.
type Authorise struct {
	// Reference is that of whoever set it aside; it is no card's or account's number.
	Reference string `avro:"reference"`
}

// Capture asks to take the money that was set aside.
type Capture struct{}

// Decline says that the money is not to be had.
type Decline struct {
	Reason string `avro:"reason"`
}

// Cancel asks to end a payment before the money comes in.
type Cancel struct {
	Reason string `avro:"reason"`
}

// Refund asks to give money back. It may be sent again under its RefundID.
type Refund struct {
	// RefundID tells this refund from the payment's others.
	RefundID string `avro:"refund_id"`
	Amount   int64  `avro:"amount"`
	// Tax is what of Amount is tax.
	Tax      int64  `avro:"tax"`
	Currency string `avro:"currency"`
	Reason   string `avro:"reason"`
}

func (Request) command()   {}
func (Authorise) command() {}
func (Capture) command()   {}
func (Decline) command()   {}
func (Cancel) command()    {}
func (Refund) command()    {}

// Event states what happened. The set is sealed.
//
// Every event tells the order, the customer, the amount it speaks of and its currency, so that a report needs no
// look-up. Those that move money tell the tax in it.
//
//sumtype:decl
type Event interface{ event() }

// PaymentRequested begins a payment.
type PaymentRequested struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Tax        int64  `avro:"tax"`
	Currency   string `avro:"currency"`
}

// PaymentAuthorised says that the money is set aside.
type PaymentAuthorised struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
	Reference  string `avro:"reference"`
}

// PaymentReceived says that the money came in.
type PaymentReceived struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Tax        int64  `avro:"tax"`
	Currency   string `avro:"currency"`
	Reference  string `avro:"reference"`
}

// PaymentDeclined says that the money was not to be had.
type PaymentDeclined struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
	Reason     string `avro:"reason"`
}

// PaymentCancelled ends a payment before the money came in.
type PaymentCancelled struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
	Reason     string `avro:"reason"`
}

// PaymentRefunded says that money was given back.
type PaymentRefunded struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	RefundID   string `avro:"refund_id"`
	Amount     int64  `avro:"amount"`
	Tax        int64  `avro:"tax"`
	Currency   string `avro:"currency"`
	Reason     string `avro:"reason"`
	// StatusAfter is refunded once all of it was given back, until then received.
	StatusAfter Status `avro:"status_after"`
}

func (PaymentRequested) event()  {}
func (PaymentAuthorised) event() {}
func (PaymentReceived) event()   {}
func (PaymentDeclined) event()   {}
func (PaymentCancelled) event()  {}
func (PaymentRefunded) event()   {}
