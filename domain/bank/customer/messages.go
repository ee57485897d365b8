package customer

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Register asks the bank to know a customer.
type Register struct {
	Name    string  `avro:"name"`
	Email   string  `avro:"email"`
	Address Address `avro:"address"`
}

// ChangeAddress asks to use another address from now on.
type ChangeAddress struct {
	Address Address `avro:"address"`
}

// Verify asks to note that the customer has proved who they are.
type Verify struct{}

// Suspend asks to stop dealing with the customer.
type Suspend struct {
	Reason string `avro:"reason"`
}

func (Register) command()      {}
func (ChangeAddress) command() {}
func (Verify) command()        {}
func (Suspend) command()       {}

// Event states what happened. The set is sealed.
//
// An event tells what it changed and no more: personal data is written where it was given, not copied into every
// later event.
//
//sumtype:decl
type Event interface{ event() }

// CustomerRegistered says that the bank knows a customer, not yet verified.
type CustomerRegistered struct {
	Name    string  `avro:"name"`
	Email   string  `avro:"email"`
	Address Address `avro:"address"`
}

// CustomerAddressChanged tells the new address.
type CustomerAddressChanged struct {
	Address Address `avro:"address"`
}

// CustomerVerified says that the customer has proved who they are.
type CustomerVerified struct{}

// CustomerSuspended says that the bank stopped dealing with the customer.
type CustomerSuspended struct {
	Reason string `avro:"reason"`
}

func (CustomerRegistered) event()     {}
func (CustomerAddressChanged) event() {}
func (CustomerVerified) event()       {}
func (CustomerSuspended) event()      {}
