package account

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Open asks for a new account.
type Open struct {
	// CustomerID is the customer it belongs to. It is not looked up: customers are aggregates of their own.
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	// OverdraftLimit is how far the balance may fall below zero, in minor units.
	OverdraftLimit int64 `avro:"overdraft_limit"`
}

// Deposit asks to put money in.
type Deposit struct {
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
	// Reference is the caller's own words, shown on the statement.
	Reference string `avro:"reference"`
	// Channel is the way the money took: "branch", "atm", "online"; empty where the caller does not say.
	Channel string `avro:"channel"`
}

// Withdraw asks to take money out.
type Withdraw struct {
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
	Channel   string `avro:"channel"`
}

// Freeze asks that no money leaves the account until it is unfrozen.
type Freeze struct {
	Reason string `avro:"reason"`
}

// Unfreeze asks to lift a freeze.
type Unfreeze struct{}

// Close asks to end the account for good.
type Close struct{}

func (Open) command()     {}
func (Deposit) command()  {}
func (Withdraw) command() {}
func (Freeze) command()   {}
func (Unfreeze) command() {}
func (Close) command()    {}

// Event states what happened. The set is sealed.
//
// Every event tells the customer, the currency and the balance it left behind, so that a report needs no look-up.
// These are facts of the version they were written at; an answer for a moment in time adds up amounts instead.
//
//sumtype:decl
type Event interface{ event() }

// AccountOpened begins an account, with a balance of zero.
type AccountOpened struct {
	CustomerID     string `avro:"customer_id"`
	Currency       string `avro:"currency"`
	OverdraftLimit int64  `avro:"overdraft_limit"`
}

// FundsDeposited says that money came in.
type FundsDeposited struct {
	CustomerID   string `avro:"customer_id"`
	Amount       int64  `avro:"amount"`
	Currency     string `avro:"currency"`
	Reference    string `avro:"reference"`
	BalanceAfter int64  `avro:"balance_after"`
	// StatusAfter is told because a frozen account receives money too.
	StatusAfter Status `avro:"status_after"`
	Channel     string `avro:"channel"`
}

// FundsWithdrawn says that money went out.
type FundsWithdrawn struct {
	CustomerID   string `avro:"customer_id"`
	Amount       int64  `avro:"amount"`
	Currency     string `avro:"currency"`
	Reference    string `avro:"reference"`
	BalanceAfter int64  `avro:"balance_after"`
	StatusAfter  Status `avro:"status_after"`
	Channel      string `avro:"channel"`
}

// AccountFrozen says that no money leaves from now on.
type AccountFrozen struct {
	CustomerID   string `avro:"customer_id"`
	Currency     string `avro:"currency"`
	BalanceAfter int64  `avro:"balance_after"`
	Reason       string `avro:"reason"`
}

// AccountUnfrozen says that money may leave again.
type AccountUnfrozen struct {
	CustomerID   string `avro:"customer_id"`
	Currency     string `avro:"currency"`
	BalanceAfter int64  `avro:"balance_after"`
}

// AccountClosed ends an account, with a balance of zero.
type AccountClosed struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
}

func (AccountOpened) event()   {}
func (FundsDeposited) event()  {}
func (FundsWithdrawn) event()  {}
func (AccountFrozen) event()   {}
func (AccountUnfrozen) event() {}
func (AccountClosed) event()   {}
