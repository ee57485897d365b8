package payment_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	. "recount/domain/shop/payment"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The values that the tables begin with.
var (
	request    = Request{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Tax: 210, Currency: "EUR"}
	requested  = PaymentRequested{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Tax: 210, Currency: "EUR"}
	authorised = PaymentAuthorised{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Currency: "EUR", Reference: "auth-7"}
	received   = PaymentReceived{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Tax: 210, Currency: "EUR", Reference: "auth-7"}
	declined   = PaymentDeclined{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Currency: "EUR", Reason: "no cover"}
	cancelled  = PaymentCancelled{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Currency: "EUR", Reason: "no answer"}
	half       = refundedBy("r-1", 605, 105, StatusReceived)
	rest       = refundedBy("r-2", 605, 105, StatusRefunded)

	// The same from an account of the bank.
	debit      = Request{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Tax: 210, Currency: "EUR", Account: "acct-1"}
	debited    = PaymentRequested{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Tax: 210, Currency: "EUR", Account: "acct-1"}
	held       = HoldRequested{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1210, Currency: "EUR"}
	collecting = CollectionRequested{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1210, Currency: "EUR"}
	collected  = PaymentCollected{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1210, Currency: "EUR"}
	settled    = PaymentSettled{OrderID: "o-1", CustomerID: "ada", Amount: 1210, Currency: "EUR"}
	whole      = refundedBy("r-1", 1210, 210, StatusRefunded)
	putBack    = refundedInto("acct-1", half)
	restBack   = refundedInto("acct-1", rest)
	reversed   = RefundReversed{OrderID: "o-1", CustomerID: "ada", RefundID: "r-1", Amount: 605, Tax: 105, Currency: "EUR", Account: "acct-1", Reason: "closed"}
	revoked    = revokedFor(string(Cancelled))

	authorise = Authorise{Reference: "auth-7"}
	decline   = Decline{Reason: "no cover"}
	cancel    = Cancel{Reason: "no answer"}
	reverse   = ReverseRefund{RefundID: "r-1", Reason: "closed"}
)

func revokedFor(code string) DebitRevoked {
	return DebitRevoked{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1210, Currency: "EUR", Code: code}
}

func refundedBy(id string, amount, tax int64, after Status) PaymentRefunded {
	return PaymentRefunded{OrderID: "o-1", CustomerID: "ada", RefundID: id, Amount: amount, Tax: tax, Currency: "EUR", StatusAfter: after}
}

func refund(id string, amount, tax int64) Refund {
	return Refund{RefundID: id, Amount: amount, Tax: tax, Currency: "EUR"}
}

func refundedInto(account string, e PaymentRefunded) PaymentRefunded {
	e.Account = account
	return e
}

func refundInto(account, id string, amount, tax int64) Refund {
	c := refund(id, amount, tax)
	c.Account = account
	return c
}

func asked(change func(*Request)) Request {
	c := request
	change(&c)
	return c
}

func given(events ...Event) []Event { return events }

// fromAccount is the way of a payment from an account of the bank, up to a number of events, and what came then.
func fromAccount(n int, more ...Event) []Event {
	return slices.Concat(given(debited, held, authorised, collecting, collected, received, settled)[:n], more)
}

// What has happened to it after so many events.
const (
	isHeld       = 2
	isAuthorised = 3
	isCollecting = 4
	isCollected  = 5
	isReceived   = 6
	isSettled    = 7
)

// inPennies is a payment that was given back as often as it can be.
func inPennies() []Event {
	events := given(requested, authorised, received)
	for i := range RefundsMax {
		events = append(events, refundedBy(fmt.Sprint("penny-", i), 1, 0, StatusReceived))
	}
	return events
}

func cases() []row {
	return slices.Concat(requests(), answers(), captures(), ends(), refunds(), debits(), collections(), refundsIntoAccounts())
}

func requests() []row {
	return []row{
		{Name: "request", When: request, Then: given(requested)},
		{Name: "request the same again", Given: given(requested), When: request},
		{Name: "request what was received", Given: given(requested, authorised, received), When: request},
		{Name: "request another amount", Given: given(requested), When: asked(func(c *Request) { c.Amount++ }), Refused: AlreadyRequested},
		{Name: "request for another order", Given: given(requested), When: asked(func(c *Request) { c.OrderID = "o-2" }), Refused: AlreadyRequested},
		{Name: "request what was declined", Given: given(requested, declined), When: request, Refused: Declined},
		{Name: "request what was cancelled", Given: given(requested, cancelled), When: request, Refused: Cancelled},
		{Name: "request for no order", When: asked(func(c *Request) { c.OrderID = "" }), Refused: OrderMissing},
		{Name: "request of nobody", When: asked(func(c *Request) { c.CustomerID = "" }), Refused: CustomerMissing},
		{Name: "request in small letters", When: asked(func(c *Request) { c.Currency = "eur" }), Refused: CurrencyInvalid},
		{Name: "request nothing", When: asked(func(c *Request) { c.Amount, c.Tax = 0, 0 }), Refused: AmountNotPositive},
		{Name: "request less than nothing", When: asked(func(c *Request) { c.Amount, c.Tax = math.MinInt64, math.MinInt64 }), Refused: AmountNotPositive},
		{Name: "request more tax than money", When: asked(func(c *Request) { c.Tax = 1211 }), Refused: TaxInvalid},
		{Name: "request a tax below nothing", When: asked(func(c *Request) { c.Tax = -1 }), Refused: TaxInvalid},
	}
}

func answers() []row {
	return []row{
		{Name: "authorise", Given: given(requested), When: authorise, Then: given(authorised)},
		{Name: "authorise twice", Given: given(requested, authorised), When: authorise},
		{Name: "authorise what was received", Given: given(requested, authorised, received), When: authorise},
		{Name: "authorise under another reference", Given: given(requested, authorised), When: Authorise{Reference: "auth-8"}, Refused: AlreadyAuthorised},
		{Name: "authorise without a reference", Given: given(requested), When: Authorise{}, Refused: ReferenceMissing},
		{Name: "authorise nothing", When: authorise, Refused: NotRequested},
		{Name: "authorise what was declined", Given: given(requested, declined), When: authorise, Refused: Declined},
		{Name: "authorise too late", Given: given(requested, cancelled), When: authorise, Refused: Cancelled},

		{Name: "decline", Given: given(requested), When: decline, Then: given(declined)},
		{Name: "decline what was authorised", Given: given(requested, authorised), When: decline, Then: given(declined)},
		{Name: "decline twice", Given: given(requested, declined), When: decline},
		{Name: "decline what was received", Given: given(requested, authorised, received), When: decline, Refused: AlreadyReceived},
		{Name: "decline nothing", When: decline, Refused: NotRequested},
		{Name: "decline too late", Given: given(requested, cancelled), When: decline},
		{Name: "decline what was given back", Given: given(requested, authorised, received, half, rest), When: decline},
	}
}

func captures() []row {
	return []row{
		{Name: "capture", Given: given(requested, authorised), When: Capture{}, Then: given(received)},
		{Name: "capture twice", Given: given(requested, authorised, received), When: Capture{}},
		{Name: "capture what was given back", Given: given(requested, authorised, received, half, rest), When: Capture{}},
		{Name: "capture before there is an answer", Given: given(requested), When: Capture{}, Refused: NotAuthorised},
		{Name: "capture nothing", When: Capture{}, Refused: NotRequested},
		{Name: "capture what was declined", Given: given(requested, authorised, declined), When: Capture{}, Refused: Declined},
		{Name: "capture what was cancelled", Given: given(requested, authorised, cancelled), When: Capture{}, Refused: Cancelled},
	}
}

func ends() []row {
	return []row{
		{Name: "cancel", Given: given(requested), When: cancel, Then: given(cancelled)},
		{Name: "cancel what was authorised", Given: given(requested, authorised), When: cancel, Then: given(cancelled)},
		{Name: "cancel twice", Given: given(requested, cancelled), When: cancel},
		{Name: "cancel what was declined", Given: given(requested, declined), When: cancel},
		{Name: "cancel what was received", Given: given(requested, authorised, received), When: cancel, Refused: AlreadyReceived},
		{Name: "cancel what was given back in part", Given: given(requested, authorised, received, half), When: cancel, Refused: AlreadyReceived},
		{Name: "cancel what was given back", Given: given(requested, authorised, received, half, rest), When: cancel},
		{Name: "cancel nothing", When: cancel, Refused: NotRequested},
	}
}

func refunds() []row {
	in := given(requested, authorised, received)
	some := given(requested, authorised, received, half)
	return []row{
		{Name: "refund half", Given: in, When: refund("r-1", 605, 105), Then: given(half)},
		{Name: "refund the rest", Given: some, When: refund("r-2", 605, 105), Then: given(rest)},
		{
			Name: "refund all", Given: in, When: Refund{RefundID: "r-1", Amount: 1210, Tax: 210, Currency: "EUR", Reason: "sorry"},
			Then: given(PaymentRefunded{
				OrderID: "o-1", CustomerID: "ada", RefundID: "r-1", Amount: 1210, Tax: 210, Currency: "EUR", Reason: "sorry", StatusAfter: StatusRefunded,
			}),
		},
		{Name: "refund the same again", Given: some, When: refund("r-1", 605, 105)},
		{Name: "refund the last again", Given: given(requested, authorised, received, half, rest), When: refund("r-2", 605, 105)},
		{Name: "refund otherwise under one ID", Given: some, When: refund("r-1", 604, 105), Refused: RefundedOtherwise},
		{Name: "refund more than is left", Given: some, When: refund("r-2", 606, 105), Refused: RefundedTooMuch},
		{Name: "refund after all of it", Given: given(requested, authorised, received, half, rest), When: refund("r-3", 1, 0), Refused: RefundedTooMuch},
		{Name: "refund all there could be", Given: in, When: refund("r-1", math.MaxInt64, 0), Refused: RefundedTooMuch},
		{Name: "refund nothing", Given: in, When: refund("r-1", 0, 0), Refused: AmountNotPositive},
		{Name: "refund less than nothing", Given: in, When: refund("r-1", -1, 0), Refused: AmountNotPositive},
		{Name: "refund more tax than came in", Given: some, When: refund("r-2", 500, 106), Refused: TaxInvalid},
		{Name: "refund more tax than money", Given: in, When: refund("r-1", 10, 11), Refused: TaxInvalid},
		{Name: "refund a tax below nothing", Given: in, When: refund("r-1", 10, -1), Refused: TaxInvalid},
		{Name: "refund so that only tax is left", Given: in, When: refund("r-1", 1210, 0), Refused: TaxInvalid},
		{Name: "refund in another currency", Given: in, When: Refund{RefundID: "r-1", Amount: 10, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "refund under no name", Given: in, When: refund("", 10, 1), Refused: RefundIDMissing},
		{Name: "refund once too often", Given: inPennies(), When: refund("r-1", 1, 0), Refused: TooManyRefunds},
		{Name: "refund what is not here yet", Given: given(requested, authorised), When: refund("r-1", 10, 1), Refused: NotReceived},
		{Name: "refund nothing at all", When: refund("r-1", 10, 1), Refused: NotRequested},
		{Name: "refund what was declined", Given: given(requested, declined), When: refund("r-1", 10, 1), Refused: Declined},
		{Name: "refund what was cancelled", Given: given(requested, cancelled), When: refund("r-1", 10, 1), Refused: Cancelled},
	}
}

func debits() []row {
	return []row{
		{Name: "request from an account", When: debit, Then: given(debited, held)},
		{Name: "request the same from it again", Given: fromAccount(isHeld), When: debit},
		{Name: "request from another account", Given: fromAccount(isHeld), When: asked(func(c *Request) { c.Account = "acct-2" }), Refused: AlreadyRequested},
		{Name: "request nothing from an account", When: Request{OrderID: "o-1", CustomerID: "ada", Currency: "EUR", Account: "acct-1"}, Refused: AmountNotPositive},
		{Name: "authorise what an account holds", Given: fromAccount(isHeld), When: authorise, Then: given(authorised)},
		{Name: "authorise what is being collected", Given: fromAccount(isCollecting), When: authorise},
		{Name: "authorise what was collected otherwise", Given: fromAccount(isCollected), When: Authorise{Reference: "auth-8"}, Refused: AlreadyAuthorised},
		{Name: "decline what is being collected", Given: fromAccount(isCollecting), When: decline, Then: given(declined, revokedFor(string(Declined)))},
		{Name: "cancel what is being collected", Given: fromAccount(isCollecting), When: cancel, Then: given(cancelled, revoked)},
		{Name: "cancel what was collected", Given: fromAccount(isCollected), When: cancel, Then: given(cancelled, revoked)},
		{Name: "cancel what was received from an account", Given: fromAccount(isReceived), When: cancel, Refused: AlreadyReceived},
		{
			Name: "refund all from an account", Given: fromAccount(isReceived), When: refund("r-1", 1210, 210),
			Then: given(whole, revokedFor(CodeRefunded)),
		},
		{Name: "refund a part before it is settled", Given: fromAccount(isReceived), When: refund("r-1", 605, 105), Refused: NotSettled},
		{Name: "refund a part into the account before it is settled", Given: fromAccount(isReceived), When: refundInto("acct-1", "r-1", 605, 105), Refused: NotSettled},
		{Name: "refund all into it before it is settled", Given: fromAccount(isReceived), When: refundInto("acct-1", "r-1", 1210, 210), Refused: NotSettled},
	}
}

func refundsIntoAccounts() []row {
	some := fromAccount(isSettled, putBack)
	none := fromAccount(isSettled, putBack, reversed)
	return []row{
		{Name: "refund a part into the account", Given: fromAccount(isSettled), When: refundInto("acct-1", "r-1", 605, 105), Then: given(putBack)},
		{Name: "refund the same into it again", Given: some, When: refundInto("acct-1", "r-1", 605, 105)},
		{Name: "refund the rest into it", Given: some, When: refundInto("acct-1", "r-2", 605, 105), Then: given(restBack)},
		{Name: "refund more than is left into it", Given: some, When: refundInto("acct-1", "r-2", 606, 105), Refused: RefundedTooMuch},
		{Name: "refund into another account", Given: fromAccount(isSettled), When: refundInto("acct-2", "r-1", 605, 105), Refused: AccountMismatch},
		{Name: "refund into none what came from one", Given: fromAccount(isSettled), When: refund("r-1", 605, 105), Refused: AccountMismatch},
		{Name: "refund into an account what came from none", Given: given(requested, authorised, received), When: refundInto("acct-1", "r-1", 605, 105), Refused: AccountMismatch},
		{Name: "refund elsewhere under one ID", Given: some, When: refund("r-1", 605, 105), Refused: RefundedOtherwise},
		{
			Name: "refund what was put back by whoever collected it", Given: fromAccount(isReceived, whole, revokedFor(CodeRefunded)),
			When: refundInto("acct-1", "r-1", 1210, 210), Refused: RefundedOtherwise,
		},

		{Name: "reverse", Given: some, When: reverse, Then: given(reversed)},
		{Name: "reverse one of all", Given: fromAccount(isSettled, putBack, restBack), When: reverse, Then: given(reversed)},
		{Name: "reverse twice", Given: none, When: reverse},
		{Name: "reverse what was not given back", Given: fromAccount(isSettled), When: reverse, Refused: RefundUnknown},
		{Name: "reverse what went into no account", Given: given(requested, authorised, received, half), When: reverse, Refused: NotReversible},
		{Name: "reverse nothing", When: reverse, Refused: NotRequested},
		{Name: "refund what was reversed", Given: none, When: refundInto("acct-1", "r-1", 605, 105), Refused: RefundIsReversed},
		{
			Name: "refund all of it under another ID", Given: none, When: refundInto("acct-1", "r-2", 1210, 210),
			Then: given(refundedInto("acct-1", refundedBy("r-2", 1210, 210, StatusRefunded))),
		},
	}
}

func collections() []row {
	return []row{
		{Name: "collect", Given: fromAccount(isAuthorised), When: Collect{}, Then: given(collecting)},
		{Name: "collect twice", Given: fromAccount(isCollecting), When: Collect{}},
		{Name: "collect what was received", Given: fromAccount(isReceived), When: Collect{}},
		{Name: "collect before it is held", Given: fromAccount(isHeld), When: Collect{}, Refused: NotAuthorised},
		{Name: "collect from no account", Given: given(requested, authorised), When: Collect{}, Refused: NoAccount},
		{Name: "collect what was cancelled", Given: fromAccount(isAuthorised, cancelled), When: Collect{}, Refused: Cancelled},
		{Name: "collect nothing", When: Collect{}, Refused: NotRequested},

		{Name: "confirm", Given: fromAccount(isCollecting), When: ConfirmCollection{}, Then: given(collected)},
		{Name: "confirm twice", Given: fromAccount(isCollected), When: ConfirmCollection{}},
		{Name: "confirm what was given back", Given: fromAccount(isReceived, whole), When: ConfirmCollection{}},
		{Name: "confirm what nobody asked for", Given: fromAccount(isAuthorised), When: ConfirmCollection{}, Refused: NotCollecting},
		{Name: "confirm what was cancelled", Given: fromAccount(isCollecting, cancelled), When: ConfirmCollection{}, Refused: Cancelled},
		{Name: "confirm of no account", Given: given(requested, authorised, received), When: ConfirmCollection{}, Refused: NotCollecting},

		{Name: "capture what was collected", Given: fromAccount(isCollected), When: Capture{}, Then: given(received)},
		{Name: "capture before it is collected", Given: fromAccount(isCollecting), When: Capture{}, Refused: NotCollected},

		{Name: "settle", Given: fromAccount(isReceived), When: Settle{}, Then: given(settled)},
		{Name: "settle twice", Given: fromAccount(isSettled), When: Settle{}},
		{Name: "settle what was given back", Given: fromAccount(isReceived, whole), When: Settle{}},
		{Name: "settle what did not come in", Given: fromAccount(isCollected), When: Settle{}, Refused: NotReceived},
		{Name: "settle what was declined", Given: fromAccount(isHeld, declined), When: Settle{}, Refused: Declined},
	}
}

func TestPayment(t *testing.T) {
	t.Parallel()
	estest.Run[Payment](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

func TestNoStateIsSharedWithALaterOne(t *testing.T) {
	t.Parallel()
	if err := estest.Shared[Payment](append(append(inPennies()[:9], half, rest), fromAccount(isSettled, putBack, restBack, reversed)...)); err != nil {
		t.Error(err)
	}
}
