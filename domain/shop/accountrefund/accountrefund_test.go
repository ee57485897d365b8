package accountrefund_test

import (
	"slices"
	"testing"

	"recount/domain/bank/account"
	. "recount/domain/shop/accountrefund"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// What happens in the tables, to the refund "1" of the payment "o-1".
var (
	asked = es.Happened{Aggregate: "refund", Type: "RefundRequested", Event: refund.RefundRequested{
		PaymentID: "o-1", Account: "acct-1", Amount: 605, Tax: 105, Currency: "EUR", Reason: "torn",
	}}
	givenBack = payment.Refund{RefundID: "1", Amount: 605, Tax: 105, Currency: "EUR", Reason: "torn", Account: "acct-1"}
	reversal  = payment.ReverseRefund{RefundID: "1", Reason: "the refund came to nothing"}
	deposit   = account.Deposit{Amount: 605, Currency: "EUR", Reference: "o-1", Channel: Channel}
)

func attempt(step string, undo bool, number int32) string {
	return es.Attempt{Step: step, Undo: undo, Number: number}.CommandID(estest.ProcessID)
}

func yes(step string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false, 1), Outcome: es.Accepted}
}

func no(step string, code es.Refusal) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false, 1), Outcome: es.Refused, Code: string(code)}
}

func broke(step string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false, 1), Outcome: es.Failed, Code: "decide-panicked"}
}

func reversed() es.Occurrence {
	return es.Answered{CommandID: attempt("refund", true, 1), Outcome: es.Accepted}
}

func sends(step string, undo bool, context, aggregate, id string, body any) []es.Request {
	return []es.Request{{
		CommandID: attempt(step, undo, 1), ValidAt: estest.ProcessValidAt,
		Command: es.Command{Context: context, Aggregate: aggregate, ID: id, Body: body},
	}}
}

func asks(step string, undo bool, at int64, target string) saga.StepRequested {
	return saga.StepRequested{Step: step, Undo: undo, Attempt: 1, At: at, ValidAt: estest.ProcessValidAt, Target: target}
}

func given(inputs ...es.Occurrence) []es.Occurrence { return inputs }

// refusedWith are the events that a refusal leads to before anything is undone.
func refusedWith(step string, code es.Refusal) []any {
	return []any{
		saga.StepRefused{Step: step, Code: string(code)}, saga.StopRequested{Code: string(code), Step: step},
		saga.CompensationStarted{Code: string(code)},
	}
}

func TestWhenAllGoesWell(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "the payment says first that so much is left", When: asked,
			Then: []any{
				Credit{Refund: "1", Payment: "o-1", Account: "acct-1", Amount: 605, Tax: 105, Currency: "EUR", Reason: "torn"},
				asks("refund", false, 1_000, "payment/o-1"),
			},
			Sends: sends("refund", false, "", "payment", "o-1", givenBack),
		},
		{
			Name: "then the account gets it", Given: given(asked), When: yes("refund"),
			Then:  []any{saga.StepSucceeded{Step: "refund"}, asks("deposit", false, 2_000, "account/acct-1")},
			Sends: sends("deposit", false, "bank", "account", "acct-1", deposit),
		},
		{
			Name: "then the refund is complete", Given: given(asked, yes("refund")), When: yes("deposit"),
			Then:  []any{saga.StepSucceeded{Step: "deposit"}, asks("complete", false, 3_000, "refund/1")},
			Sends: sends("complete", false, "", "refund", "1", refund.Complete{}),
		},
		{
			Name: "and so is the saga", Given: given(asked, yes("refund"), yes("deposit")), When: yes("complete"),
			Then: []any{saga.StepSucceeded{Step: "complete"}, saga.Completed{}},
		},
		{Name: "asked for again it goes on as it was", Given: given(asked), When: asked, Refused: es.AlreadyStarted},
		{Name: "an answer that comes twice moves nothing twice", Given: given(asked, yes("refund")), When: yes("refund"), Refused: es.NotAwaited},
		{
			Name: "nor does one after the end", Given: given(asked, yes("refund"), yes("deposit"), yes("complete")), When: yes("deposit"),
			Refused: es.Ended,
		},
		{
			Name: "a deposit that broke is made again under the same ID", Given: given(asked, yes("refund"), broke("deposit")),
			When:  es.Elapsed{Timer: es.Timer{Name: "retry/deposit.0", Due: 4_000}},
			Then:  []any{saga.TimerFired{Name: "retry/deposit.0"}, asks("deposit", false, 4_000, "account/acct-1")},
			Sends: sends("deposit", false, "bank", "account", "acct-1", deposit),
		},
	})
}

// TestARefundThatIsRefusedFailsWithItsCode has the payment, and then the account, say no.
func TestARefundThatIsRefusedFailsWithItsCode(t *testing.T) {
	t.Parallel()
	var cases []estest.ProcessCase
	for _, code := range []es.Refusal{
		payment.NotRequested, payment.NotReceived, payment.NotSettled, payment.AccountMismatch, payment.RefundedTooMuch, payment.CurrencyMismatch,
		payment.TaxInvalid, payment.TooManyRefunds, payment.Cancelled,
	} {
		cases = append(cases, estest.ProcessCase{
			Name: string(code), Given: given(asked), When: no("refund", code),
			Then:  append(refusedWith("refund", code), asks("abandon", false, 2_000, "refund/1")),
			Sends: sends("abandon", false, "", "refund", "1", refund.Fail{Code: string(code), Step: "refund"}),
		})
	}
	for _, code := range []es.Refusal{account.Closed, account.NotOpen, account.CurrencyMismatch, account.Overflow} {
		cases = append(cases,
			estest.ProcessCase{
				Name: string(code), Given: given(asked, yes("refund")), When: no("deposit", code),
				Then:  append(refusedWith("deposit", code), asks("refund", true, 3_000, "payment/o-1")),
				Sends: sends("refund", true, "", "payment", "o-1", reversal),
			},
			estest.ProcessCase{
				Name: string(code) + ", once the shop has the money", Given: given(asked, yes("refund"), no("deposit", code)), When: reversed(),
				Then:  []any{saga.StepSucceeded{Step: "refund", Undo: true}, asks("abandon", false, 4_000, "refund/1")},
				Sends: sends("abandon", false, "", "refund", "1", refund.Fail{Code: string(code), Step: "deposit"}),
			})
	}
	cases = append(cases, estest.ProcessCase{
		Name: "which ends it", Given: given(asked, yes("refund"), no("deposit", account.Closed), reversed()), When: yes("abandon"),
		Then: []any{saga.StepSucceeded{Step: "abandon"}, saga.Compensated{Code: "account/closed"}},
	})
	estest.RunProcess(t, Saga(), cases)
}

func TestAnOperatorHasItGiveUpUntilTheMoneyIsThere(t *testing.T) {
	t.Parallel()
	giveUp := es.Ordered{Order: es.OrderCompensate, Actor: "ada", Reason: "fraud"}
	byAda := saga.StopRequested{Code: saga.ByOperator, Detail: "ada: fraud"}
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "before the account was asked", Given: given(asked), When: giveUp,
			Then: []any{byAda, saga.CompensationStarted{Code: saga.ByOperator}},
		},
		{Name: "while it is asked, its answer is awaited", Given: given(asked, yes("refund")), When: giveUp, Then: []any{byAda}},
		{
			Name: "and if it has the money, it keeps it", Given: given(asked, yes("refund"), giveUp), When: yes("deposit"),
			Then:  []any{saga.StepSucceeded{Step: "deposit"}, asks("complete", false, 4_000, "refund/1")},
			Sends: sends("complete", false, "", "refund", "1", refund.Complete{}),
		},
		{Name: "once it has, there is no way back", Given: given(asked, yes("refund"), yes("deposit")), When: giveUp, Refused: es.NoWayBack},
	})
}

// TestEachRefundHasCommandsOfItsOwn: of two refunds of one payment, neither is taken for a repeat of the other.
func TestEachRefundHasCommandsOfItsOwn(t *testing.T) {
	t.Parallel()
	var ids []string
	for _, id := range []string{"r-1", "r-2"} {
		i := estest.NewInstance(Saga(), "shop/account_refund/"+id)
		for _, input := range given(asked,
			es.Answered{CommandID: "shop/account_refund/" + id + "/refund.0#1", Outcome: es.Accepted},
			es.Answered{CommandID: "shop/account_refund/" + id + "/deposit.0#1", Outcome: es.Accepted}) {
			if err := i.Take(input); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range i.Sent {
			ids = append(ids, r.CommandID)
		}
	}
	if len(ids) != 6 || len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 6 {
		t.Errorf("the commands are %q", ids)
	}
}
