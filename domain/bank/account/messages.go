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

// Reserve asks to set money aside for somebody: it stays in the account until it is captured or released.
type Reserve struct {
	// HoldID tells this hold from the account's others.
	HoldID    string `avro:"hold_id"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
}

// Capture asks to take money out that was set aside. What is left of the hold is free again.
type Capture struct {
	HoldID    string `avro:"hold_id"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
	Channel   string `avro:"channel"`
}

// Release asks to free what was set aside.
type Release struct {
	HoldID string `avro:"hold_id"`
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
func (Reserve) command()  {}
func (Capture) command()  {}
func (Release) command()  {}
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

// FundsReserved says that money was set aside. It is still part of the balance.
type FundsReserved struct {
	CustomerID   string `avro:"customer_id"`
	HoldID       string `avro:"hold_id"`
	Amount       int64  `avro:"amount"`
	Currency     string `avro:"currency"`
	Reference    string `avro:"reference"`
	BalanceAfter int64  `avro:"balance_after"`
	// HeldAfter is all that is set aside now.
	HeldAfter   int64  `avro:"held_after"`
	StatusAfter Status `avro:"status_after"`
}

// FundsCaptured says that money that was set aside went out.
type FundsCaptured struct {
	CustomerID string `avro:"customer_id"`
	HoldID     string `avro:"hold_id"`
	Amount     int64  `avro:"amount"`
	// Released is what of the hold was not taken, and is free again.
	Released     int64  `avro:"released"`
	Currency     string `avro:"currency"`
	Reference    string `avro:"reference"`
	BalanceAfter int64  `avro:"balance_after"`
	HeldAfter    int64  `avro:"held_after"`
	StatusAfter  Status `avro:"status_after"`
	Channel      string `avro:"channel"`
}

// FundsReleased says that money that was set aside is free again.
type FundsReleased struct {
	CustomerID   string `avro:"customer_id"`
	HoldID       string `avro:"hold_id"`
	Amount       int64  `avro:"amount"`
	Currency     string `avro:"currency"`
	BalanceAfter int64  `avro:"balance_after"`
	HeldAfter    int64  `avro:"held_after"`
	StatusAfter  Status `avro:"status_after"`
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
func (FundsReserved) event()   {}
func (FundsCaptured) event()   {}
func (FundsReleased) event()   {}
func (AccountFrozen) event()   {}
func (AccountUnfrozen) event() {}
func (AccountClosed) event()   {}
