package transaction

// Leg is what an entry does to one account: the amount is what it adds to the balance, below zero where it takes.
type Leg struct {
	Account string `avro:"account"`
	Amount  int64  `avro:"amount"` // minor units, signed
}

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Post asks for an entry. Asked again with the same ID and the same legs, it is the same entry.
type Post struct {
	Currency string `avro:"currency"`
	// Legs are two or more, of different accounts, and come to nothing in all.
	Legs []Leg `avro:"legs"`
	// Reference is the caller's own words, shown on every statement.
	Reference string `avro:"reference"`
	// Reverses is the entry that this one takes back, leg by leg; empty: none.
	Reverses string `avro:"reverses"`
}

// Complete says that every leg is posted. The saga sends it.
type Complete struct{}

// Fail says that nothing of the entry is left in any account, and why. The saga sends it.
type Fail struct {
	Code string `avro:"code"`
	Step string `avro:"step"` // of the saga, that was refused; empty where none was
}

// ClaimReversal asks to be the one entry that takes this one back. The saga of that entry sends it.
type ClaimReversal struct {
	By       string `avro:"by"` // the entry that takes this one back
	Currency string `avro:"currency"`
	Legs     []Leg  `avro:"legs"` // of that entry
}

// ReleaseReversal says that the entry which claimed to take this one back came to nothing.
type ReleaseReversal struct {
	By string `avro:"by"`
}

// ConfirmReversal says that every leg of this entry was taken back.
type ConfirmReversal struct {
	By string `avro:"by"`
}

func (Post) command()            {}
func (Complete) command()        {}
func (Fail) command()            {}
func (ClaimReversal) command()   {}
func (ReleaseReversal) command() {}
func (ConfirmReversal) command() {}

// Event states what happened. The set is sealed. Every event tells the whole entry, so that a report needs no look-up.
//
//sumtype:decl
type Event interface{ event() }

// TransactionRequested begins an entry.
type TransactionRequested struct {
	Currency  string `avro:"currency"`
	Legs      []Leg  `avro:"legs"`
	Reference string `avro:"reference"`
	Reverses  string `avro:"reverses"`
}

// TransactionPosted says that every leg is in its account.
type TransactionPosted struct {
	Currency  string `avro:"currency"`
	Legs      []Leg  `avro:"legs"`
	Reference string `avro:"reference"`
	Reverses  string `avro:"reverses"`
}

// TransactionFailed says that no leg is in any account.
type TransactionFailed struct {
	Currency  string `avro:"currency"`
	Legs      []Leg  `avro:"legs"`
	Reference string `avro:"reference"`
	Reverses  string `avro:"reverses"`
	Code      string `avro:"code"`
	Step      string `avro:"step"`
}

// ReversalClaimed says which entry is taking this one back.
type ReversalClaimed struct {
	Currency string `avro:"currency"`
	Legs     []Leg  `avro:"legs"` // of this entry
	By       string `avro:"by"`
}

// ReversalReleased says that it came to nothing: another may.
type ReversalReleased struct {
	Currency string `avro:"currency"`
	Legs     []Leg  `avro:"legs"`
	By       string `avro:"by"`
}

// TransactionReversed says that every leg was taken back by another entry. It stays in the books, as that one does.
type TransactionReversed struct {
	Currency string `avro:"currency"`
	Legs     []Leg  `avro:"legs"`
	By       string `avro:"by"`
}

func (TransactionRequested) event() {}
func (TransactionPosted) event()    {}
func (TransactionFailed) event()    {}
func (ReversalClaimed) event()      {}
func (ReversalReleased) event()     {}
func (TransactionReversed) event()  {}
