package transfer

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Request asks to move money. Asked again with the same ID and the same order, it is the same transfer.
type Request struct {
	From     string `avro:"from_account"`
	To       string `avro:"to_account"`
	Amount   int64  `avro:"amount"` // minor units
	Currency string `avro:"currency"`
	// Reference is the caller's own words, shown on both statements.
	Reference string `avro:"reference"`
}

// Complete says that the money has arrived. The saga sends it.
type Complete struct{}

// Fail says that the money is where it was, and why. The saga sends it.
type Fail struct {
	Code string `avro:"code"` // the refusal of an account, or why the saga gave up
	Step string `avro:"step"` // of the saga, that was refused; empty where none was
}

func (Request) command()  {}
func (Complete) command() {}
func (Fail) command()     {}

// Event states what happened. The set is sealed. Every event tells the whole transfer, so that a report needs no look-up.
//
//sumtype:decl
type Event interface{ event() }

// TransferRequested begins a transfer.
type TransferRequested struct {
	From      string `avro:"from_account"`
	To        string `avro:"to_account"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
}

// TransferCompleted says that the money has arrived.
type TransferCompleted struct {
	From      string `avro:"from_account"`
	To        string `avro:"to_account"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
}

// TransferFailed says that the money is where it was.
type TransferFailed struct {
	From      string `avro:"from_account"`
	To        string `avro:"to_account"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
	Code      string `avro:"code"`
	Step      string `avro:"step"`
}

func (TransferRequested) event() {}
func (TransferCompleted) event() {}
func (TransferFailed) event()    {}
