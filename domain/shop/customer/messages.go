package customer

import "recount/domain/address"

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Register asks the shop to know a customer.
type Register struct {
	Name    string          `avro:"name"`
	Email   string          `avro:"email"`
	Address address.Address `avro:"address"`
	// Currency is that of everything the customer orders.
	Currency string `avro:"currency"`
	// CreditLimit is how much may be on order and not yet paid.
	CreditLimit int64 `avro:"credit_limit"`
}

// ChangeCreditLimit asks for another limit from now on. What is on order stays so.
type ChangeCreditLimit struct {
	CreditLimit int64  `avro:"credit_limit"`
	Currency    string `avro:"currency"`
}

// Block asks to take no more orders of the customer.
type Block struct {
	Reason string `avro:"reason"`
}

// Unblock asks to take orders again.
type Unblock struct{}

// ReserveCredit asks whether an order may be taken, and holds its total until it is paid or cancelled. It may be sent
// again: an order holds its total once.
type ReserveCredit struct {
	OrderID  string `avro:"order_id"`
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
}

// ReleaseCredit says that an order is paid or cancelled. An order that holds nothing, or no longer, stays so.
type ReleaseCredit struct {
	OrderID string `avro:"order_id"`
}

func (Register) command()          {}
func (ChangeCreditLimit) command() {}
func (Block) command()             {}
func (Unblock) command()           {}
func (ReserveCredit) command()     {}
func (ReleaseCredit) command()     {}

// Event states what happened. The set is sealed.
//
// Personal data is written where it was given, and in no later event.
//
//sumtype:decl
type Event interface{ event() }

// CustomerRegistered says that the shop knows a customer.
type CustomerRegistered struct {
	Name        string          `avro:"name"`
	Email       string          `avro:"email"`
	Address     address.Address `avro:"address"`
	Currency    string          `avro:"currency"`
	CreditLimit int64           `avro:"credit_limit"`
}

// CreditLimitChanged tells the new limit.
type CreditLimitChanged struct {
	CreditLimit int64  `avro:"credit_limit"`
	Currency    string `avro:"currency"`
}

// CustomerBlocked says that the shop takes no more orders of the customer.
type CustomerBlocked struct {
	Reason string `avro:"reason"`
}

// CustomerUnblocked says that it takes them again.
type CustomerUnblocked struct{}

// CreditReserved says that an order holds its total.
type CreditReserved struct {
	OrderID  string `avro:"order_id"`
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
	// ReservedAfter is what all orders hold now.
	ReservedAfter int64 `avro:"reserved_after"`
}

// CreditReleased says that an order holds its total no longer.
type CreditReleased struct {
	OrderID       string `avro:"order_id"`
	Amount        int64  `avro:"amount"`
	Currency      string `avro:"currency"`
	ReservedAfter int64  `avro:"reserved_after"`
}

func (CustomerRegistered) event() {}
func (CreditLimitChanged) event() {}
func (CustomerBlocked) event()    {}
func (CustomerUnblocked) event()  {}
func (CreditReserved) event()     {}
func (CreditReleased) event()     {}
