package accountpayment_test

import (
	"slices"
	"testing"

	"recount/domain/bank/account"
	. "recount/domain/shop/accountpayment"
	"recount/domain/shop/payment"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

func given(inputs ...es.Occurrence) []es.Occurrence { return inputs }

func happened(name string, event any) es.Occurrence {
	return es.Happened{Aggregate: "payment", Type: name, Event: event}
}

// What happens in the tables, to the payment "1".
var (
	asked     = happened("HoldRequested", payment.HoldRequested{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1210, Currency: "EUR"})
	collect   = happened("CollectionRequested", payment.CollectionRequested{Account: "acct-1"})
	settled   = happened("PaymentSettled", payment.PaymentSettled{})
	cancelled = happened("DebitRevoked", payment.DebitRevoked{Code: string(payment.Cancelled)})
	refunded  = happened("DebitRevoked", payment.DebitRevoked{Code: payment.CodeRefunded})
)

func attempt(step string, undo bool) string {
	return es.Attempt{Step: step, Undo: undo, Number: 1}.CommandID(estest.ProcessID)
}

func yes(step string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false), Outcome: es.Accepted}
}

func no(step string, code es.Refusal) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false), Outcome: es.Refused, Code: string(code)}
}

func undone(step string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, true), Outcome: es.Accepted}
}

func toBank(step string, undo bool, body any) []es.Request {
	return []es.Request{{
		CommandID: attempt(step, undo), ValidAt: estest.ProcessValidAt,
		Command: es.Command{Context: "bank", Aggregate: "account", ID: "acct-1", Body: body},
	}}
}

func toShop(step string, body any) []es.Request {
	return []es.Request{{
		CommandID: attempt(step, false), ValidAt: estest.ProcessValidAt, Command: es.Command{Aggregate: "payment", ID: "1", Body: body},
	}}
}

func asks(step string, undo bool, at int64, target string) saga.StepRequested {
	return saga.StepRequested{Step: step, Undo: undo, Attempt: 1, At: at, ValidAt: estest.ProcessValidAt, Target: target}
}

// refusedWith are the events that a refusal leads to before anything is undone.
func refusedWith(step string, code es.Refusal) []any {
	return []any{
		saga.StepRefused{Step: step, Code: string(code)}, saga.StopRequested{Code: string(code), Step: step},
		saga.CompensationStarted{Code: string(code)},
	}
}

func revokedFor(code string) []any {
	return []any{saga.StopRequested{Code: code}, saga.CompensationStarted{Code: code}}
}

// until is the way of a payment where all goes well, up to a number of inputs.
func until(n int) []es.Occurrence {
	return given(asked, yes("hold"), yes("authorise"), collect, yes("take"), yes("confirm"), settled)[:n]
}

func after(n int, more ...es.Occurrence) []es.Occurrence { return slices.Concat(until(n), more) }

func TestWhenAllGoesWell(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "the money is set aside first", When: asked,
			Then:  []any{Debit{Payment: "1", Account: "acct-1", Amount: 1210, Currency: "EUR"}, asks("hold", false, 1_000, "account/acct-1")},
			Sends: toBank("hold", false, account.Reserve{HoldID: "payment/1", Amount: 1210, Currency: "EUR", Reference: "1"}),
		},
		{
			Name: "then the payment is authorised", Given: until(1), When: yes("hold"),
			Then:  []any{saga.StepSucceeded{Step: "hold"}, asks("authorise", false, 2_000, "payment/1")},
			Sends: toShop("authorise", payment.Authorise{Reference: "payment/1"}),
		},
		{Name: "and the shop takes its time", Given: until(2), When: yes("authorise"), Then: []any{saga.StepAccepted{Step: "authorise"}}},
		{
			Name: "until it collects", Given: until(3), When: collect,
			Then:  []any{saga.StepSucceeded{Step: "authorise"}, asks("take", false, 4_000, "account/acct-1")},
			Sends: toBank("take", false, account.Capture{HoldID: "payment/1", Amount: 1210, Currency: "EUR", Reference: "1", Channel: Channel}),
		},
		{
			Name: "it may do so before it is known to have heard", Given: until(2), When: collect,
			Then:  []any{saga.StepSucceeded{Step: "authorise"}, asks("take", false, 3_000, "account/acct-1")},
			Sends: toBank("take", false, account.Capture{HoldID: "payment/1", Amount: 1210, Currency: "EUR", Reference: "1", Channel: Channel}),
		},
		{
			Name: "what was taken is confirmed", Given: until(4), When: yes("take"),
			Then:  []any{saga.StepSucceeded{Step: "take"}, asks("confirm", false, 5_000, "payment/1")},
			Sends: toShop("confirm", payment.ConfirmCollection{}),
		},
		{Name: "and could be put back", Given: until(5), When: yes("confirm"), Then: []any{saga.StepAccepted{Step: "confirm"}}},
		{Name: "until what was paid for has left", Given: until(6), When: settled, Then: []any{saga.StepSucceeded{Step: "confirm"}, saga.Completed{}}},
	})
}

func TestAnAccountThatRefusesHasThePaymentDeclined(t *testing.T) {
	t.Parallel()
	var cases []estest.ProcessCase
	for _, code := range []es.Refusal{
		account.InsufficientFunds, account.Frozen, account.NotOpen, account.Closed, account.CurrencyMismatch, account.TooManyHolds,
	} {
		cases = append(cases, estest.ProcessCase{
			Name: string(code), Given: until(1), When: no("hold", code),
			Then:  append(refusedWith("hold", code), asks("abandon", false, 2_000, "payment/1")),
			Sends: toShop("abandon", payment.Decline{Reason: string(code)}),
		})
	}
	cases = append(cases,
		estest.ProcessCase{
			Name: "one that was frozen since lets go what it holds", Given: until(4), When: no("take", account.Frozen),
			Then:  append(refusedWith("take", account.Frozen), asks("hold", true, 5_000, "account/acct-1")),
			Sends: toBank("hold", true, account.Release{HoldID: "payment/1"}),
		},
		estest.ProcessCase{
			Name: "and the payment hears why", Given: after(4, no("take", account.Frozen)), When: undone("hold"),
			Then:  []any{saga.StepSucceeded{Step: "hold", Undo: true}, asks("abandon", false, 6_000, "payment/1")},
			Sends: toShop("abandon", payment.Decline{Reason: "account/frozen"}),
		},
		estest.ProcessCase{
			Name: "which ends it", Given: after(4, no("take", account.Frozen), undone("hold")), When: yes("abandon"),
			Then: []any{saga.StepSucceeded{Step: "abandon"}, saga.Compensated{Code: "account/frozen"}},
		})
	estest.RunProcess(t, Saga(), cases)
}

func TestWhatIsRevokedIsUndoneInReverse(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{Name: "while the money is being set aside, which is awaited", Given: until(1), When: cancelled, Then: revokedFor("payment/cancelled")},
		{
			Name: "and then let go", Given: after(1, cancelled), When: yes("hold"),
			Then:  []any{saga.StepSucceeded{Step: "hold"}, asks("hold", true, 3_000, "account/acct-1")},
			Sends: toBank("hold", true, account.Release{HoldID: "payment/1"}),
		},
		{
			Name: "once it is set aside", Given: until(3), When: cancelled,
			Then:  append(revokedFor("payment/cancelled"), asks("hold", true, 4_000, "account/acct-1")),
			Sends: toBank("hold", true, account.Release{HoldID: "payment/1"}),
		},
		{
			Name: "a payment that is over does not want to be authorised", Given: until(2), When: no("authorise", payment.Cancelled),
			Then:  append(refusedWith("authorise", payment.Cancelled), asks("hold", true, 3_000, "account/acct-1")),
			Sends: toBank("hold", true, account.Release{HoldID: "payment/1"}),
		},
		{
			Name: "what was taken while it was cancelled is put back first", Given: after(4, cancelled), When: yes("take"),
			Then:  []any{saga.StepSucceeded{Step: "take"}, asks("take", true, 6_000, "account/acct-1")},
			Sends: toBank("take", true, account.Deposit{Amount: 1210, Currency: "EUR", Reference: "1", Channel: ReversalChannel}),
		},
		{
			Name: "and so is what was given back before it is settled", Given: until(6), When: refunded,
			Then:  append(revokedFor(payment.CodeRefunded), asks("take", true, 7_000, "account/acct-1")),
			Sends: toBank("take", true, account.Deposit{Amount: 1210, Currency: "EUR", Reference: "1", Channel: ReversalChannel}),
		},
		{
			Name: "then the hold, of which nothing is left", Given: after(6, refunded), When: undone("take"),
			Then:  []any{saga.StepSucceeded{Step: "take", Undo: true}, asks("hold", true, 8_000, "account/acct-1")},
			Sends: toBank("hold", true, account.Release{HoldID: "payment/1"}),
		},
		{Name: "what it declines itself changes nothing", Given: after(3, cancelled), When: cancelled, Refused: es.NoWayBack},
		{Name: "nor does what comes when all is over", Given: until(7), When: refunded, Refused: es.Ended},
		{Name: "or what nobody has begun", When: cancelled, Refused: es.NotStarted},
	})
}
