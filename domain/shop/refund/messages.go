package refund

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Request asks to give money back into an account. Asked again with the same ID and the same order, it is the same refund.
type Request struct {
	// PaymentID is the payment that the money came from, Account the account which it was taken from: the payment refuses
	// any other.
	PaymentID string `avro:"payment_id"`
	Account   string `avro:"account"`
	Amount    int64  `avro:"amount"` // minor units
	// Tax is what of Amount is tax.
	Tax      int64  `avro:"tax"`
	Currency string `avro:"currency"`
	Reason   string `avro:"reason"`
}

// Complete says that the money is in the account. The saga sends it.
type Complete struct{}

// Fail says that the money is where it was, and why. The saga sends it.
type Fail struct {
	Code string `avro:"code"` // the refusal of the payment or of the account, or why the saga gave up
	Step string `avro:"step"` // of the saga, that was refused; empty where none was
}

func (Request) command()  {}
func (Complete) command() {}
func (Fail) command()     {}

// Event states what happened. The set is sealed. Every event tells the whole refund, so that a report needs no look-up.
//
//sumtype:decl
type Event interface{ event() }

// RefundRequested begins a refund.
type RefundRequested struct {
	PaymentID string `avro:"payment_id"`
	Account   string `avro:"account"`
	Amount    int64  `avro:"amount"`
	Tax       int64  `avro:"tax"`
	Currency  string `avro:"currency"`
	Reason    string `avro:"reason"`
}

// RefundCompleted says that the money is in the account.
type RefundCompleted struct {
	PaymentID string `avro:"payment_id"`
	Account   string `avro:"account"`
	Amount    int64  `avro:"amount"`
	Tax       int64  `avro:"tax"`
	Currency  string `avro:"currency"`
	Reason    string `avro:"reason"`
}

// RefundFailed says that the money is where it was.
type RefundFailed struct {
	PaymentID string `avro:"payment_id"`
	Account   string `avro:"account"`
	Amount    int64  `avro:"amount"`
	Tax       int64  `avro:"tax"`
	Currency  string `avro:"currency"`
	Reason    string `avro:"reason"`
	Code      string `avro:"code"`
	Step      string `avro:"step"`
}

func (RefundRequested) event() {}
func (RefundCompleted) event() {}
func (RefundFailed) event()    {}
