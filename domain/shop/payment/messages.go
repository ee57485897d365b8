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
	// Account is that of the bank which the money is to come from; empty: whoever moves the money answers by themselves.
	Account string `avro:"account"`
}

// Authorise says that the money is set aside for us.
type Authorise struct {
	// Reference is that of whoever set it aside; it is no card's or account's number.
	Reference string `avro:"reference"`
}

// Collect asks that the money be taken from the account in which it is set aside. Payments from no account know no such
// thing.
type Collect struct{}

// ConfirmCollection says that it was.
type ConfirmCollection struct{}

// Capture asks to take the money that was set aside.
type Capture struct{}

// Settle says that what was paid for has left: what is given back from then on is no longer put back by who collected it.
type Settle struct{}

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
	// Account is that of the bank into which whoever sends this puts the money, if this is accepted: the saga of refunds into
	// accounts. Empty: it goes the way that the money of this payment goes otherwise.
	Account string `avro:"account"`
}

// ReverseRefund says that the account of the bank did not take what a refund gives back: the shop has it still.
type ReverseRefund struct {
	RefundID string `avro:"refund_id"`
	// Reason is the account's own code, or why else it came to nothing.
	Reason string `avro:"reason"`
}

func (Request) command()           {}
func (Authorise) command()         {}
func (Collect) command()           {}
func (ConfirmCollection) command() {}
func (Capture) command()           {}
func (Settle) command()            {}
func (Decline) command()           {}
func (Cancel) command()            {}
func (Refund) command()            {}
func (ReverseRefund) command()     {}

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
	Account    string `avro:"account"`
}

// HoldRequested asks for the money of a payment from an account of the bank to be set aside there.
type HoldRequested struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Account    string `avro:"account"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
}

// CollectionRequested asks for what was set aside to be taken from the account.
type CollectionRequested struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Account    string `avro:"account"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
}

// PaymentCollected says that it was taken.
type PaymentCollected struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Account    string `avro:"account"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
}

// DebitRevoked says that nothing is wanted of the account any more, and that what was taken from it is to be put back.
type DebitRevoked struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Account    string `avro:"account"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
	// Code is why: Declined, Cancelled, or CodeRefunded.
	Code string `avro:"code"`
}

// CodeRefunded is why a debit was revoked whose payment was given back.
const CodeRefunded = "payment/refunded"

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

// PaymentSettled says that what was paid for has left.
type PaymentSettled struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	Amount     int64  `avro:"amount"`
	Currency   string `avro:"currency"`
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
	// Account is that of the bank which it goes into; empty: it goes into none, or whoever collected the money puts it back.
	Account string `avro:"account"`
}

// RefundReversed says that what was given back did not arrive, and is the shop's again. The payment is received then,
// whatever it was.
type RefundReversed struct {
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	RefundID   string `avro:"refund_id"`
	Amount     int64  `avro:"amount"`
	Tax        int64  `avro:"tax"`
	Currency   string `avro:"currency"`
	Account    string `avro:"account"`
	Reason     string `avro:"reason"`
}

func (PaymentRequested) event()    {}
func (PaymentAuthorised) event()   {}
func (PaymentReceived) event()     {}
func (PaymentDeclined) event()     {}
func (PaymentCancelled) event()    {}
func (PaymentRefunded) event()     {}
func (RefundReversed) event()      {}
func (HoldRequested) event()       {}
func (CollectionRequested) event() {}
func (PaymentCollected) event()    {}
func (PaymentSettled) event()      {}
func (DebitRevoked) event()        {}
