package payment

import (
	"recount/domain/money"
	"recount/internal/es"
)

func (p Payment) request(c Request) ([]Event, error) {
	if p.Status != "" {
		same := c == Request{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Tax: p.Tax, Currency: p.Currency, Account: p.Account}
		return nil, es.First(p.requireOpen(), es.Require(same, AlreadyRequested))
	}
	events, err := es.Emit[Event](
		PaymentRequested(c),
		es.Require(c.OrderID != "", OrderMissing),
		es.Require(c.CustomerID != "", CustomerMissing),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Tax >= 0 && c.Tax <= c.Amount, TaxInvalid))
	if err == nil && c.Account != "" {
		events = append(events, HoldRequested{OrderID: c.OrderID, CustomerID: c.CustomerID, Account: c.Account, Amount: c.Amount, Currency: c.Currency})
	}
	return events, err
}

func (p Payment) authorise(c Authorise) ([]Event, error) {
	if p.isReceived() || p.Status == StatusAuthorised || p.Status == StatusCollecting || p.Status == StatusCollected {
		return nil, es.Require(c.Reference == p.Reference, AlreadyAuthorised)
	}
	return es.Emit[Event](
		PaymentAuthorised{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reference: c.Reference},
		p.requireOpen(),
		es.Require(c.Reference != "", ReferenceMissing))
}

func (p Payment) collect() ([]Event, error) {
	if p.Status == StatusCollecting || p.isCollected() {
		return nil, nil
	}
	return es.Emit[Event](
		CollectionRequested{OrderID: p.OrderID, CustomerID: p.CustomerID, Account: p.Account, Amount: p.Amount, Currency: p.Currency},
		p.requireOpen(),
		es.Require(p.Account != "", NoAccount),
		es.Require(p.Status == StatusAuthorised, NotAuthorised))
}

func (p Payment) confirmCollection() ([]Event, error) {
	if p.isCollected() {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentCollected{OrderID: p.OrderID, CustomerID: p.CustomerID, Account: p.Account, Amount: p.Amount, Currency: p.Currency},
		p.requireOpen(),
		es.Require(p.Status == StatusCollecting, NotCollecting))
}

// settle is open to what was given back meanwhile: there is nothing left to settle then.
func (p Payment) settle() ([]Event, error) {
	if p.Settled || p.Status == StatusRefunded {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentSettled{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency},
		p.requireOpen(),
		es.Require(p.isReceived(), NotReceived))
}

func (p Payment) capture() ([]Event, error) {
	if p.isReceived() {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentReceived{
			OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Tax: p.Tax, Currency: p.Currency, Reference: p.Reference,
		},
		p.requireOpen(),
		es.Require(p.Account == "" || p.Status == StatusCollected, NotCollected),
		es.Require(p.Status == StatusAuthorised || p.Status == StatusCollected, NotAuthorised))
}

// decline ends a payment for whoever moves the money. One that has ended already takes no notice: it may have done so while
// the answer was on its way.
func (p Payment) decline(c Decline) ([]Event, error) {
	if p.isOver() {
		return nil, nil
	}
	return p.revoking(string(Declined))(es.Emit[Event](
		PaymentDeclined{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reason: c.Reason},
		p.requireOpen(),
		es.Require(!p.isReceived(), AlreadyReceived)))
}

// cancel ends a payment before the money comes in.
func (p Payment) cancel(c Cancel) ([]Event, error) {
	if p.isOver() {
		return nil, nil
	}
	return p.revoking(string(Cancelled))(es.Emit[Event](
		PaymentCancelled{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reason: c.Reason},
		p.requireOpen(),
		es.Require(!p.isReceived(), AlreadyReceived)))
}

// revoking adds to what ends a payment that its account is to be left alone, where there is one: until the payment is
// settled, whoever collects the money puts it back.
func (p Payment) revoking(code string) func([]Event, error) ([]Event, error) {
	return func(events []Event, err error) ([]Event, error) {
		if err == nil && p.Account != "" && !p.Settled {
			events = append(events, DebitRevoked{
				OrderID: p.OrderID, CustomerID: p.CustomerID, Account: p.Account, Amount: p.Amount, Currency: p.Currency, Code: code,
			})
		}
		return events, err
	}
}
