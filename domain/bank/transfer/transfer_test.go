package transfer_test

import (
	"testing"

	"recount/domain/bank/account"
	. "recount/domain/bank/transfer"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

var (
	request   = Request{From: "a", To: "b", Amount: 70, Currency: "EUR", Reference: "rent"}
	requested = TransferRequested(request)
	completed = TransferCompleted(request)
	failed    = TransferFailed{From: "a", To: "b", Amount: 70, Currency: "EUR", Reference: "rent", Code: "account/closed", Step: "deposit"}
)

func TestTransfer(t *testing.T) {
	t.Parallel()
	given := func(events ...Event) []Event { return events }
	with := func(change func(*Request)) Request {
		r := request
		change(&r)
		return r
	}
	estest.Run[Transfer](t, []estest.Case[Command, Event]{
		{Name: "request", When: request, Then: given(requested)},
		{Name: "request again", Given: given(requested), When: request},
		{Name: "request again after the end", Given: given(requested, completed), When: request},
		{Name: "request another under the same ID", Given: given(requested), When: with(func(r *Request) { r.Amount = 71 }), Refused: AlreadyRequested},
		{Name: "request from nowhere", When: with(func(r *Request) { r.From = "" }), Refused: AccountMissing},
		{Name: "request to nowhere", When: with(func(r *Request) { r.To = "" }), Refused: AccountMissing},
		{Name: "request to itself", When: with(func(r *Request) { r.To = r.From }), Refused: SameAccount},
		{Name: "request nothing", When: with(func(r *Request) { r.Amount = 0 }), Refused: AmountNotPositive},
		{Name: "request less than nothing", When: with(func(r *Request) { r.Amount = -1 }), Refused: AmountNotPositive},
		{Name: "request no currency", When: with(func(r *Request) { r.Currency = "euro" }), Refused: CurrencyInvalid},
		{Name: "complete", Given: given(requested), When: Complete{}, Then: given(completed)},
		{Name: "complete again", Given: given(requested, completed), When: Complete{}},
		{Name: "complete what nobody requested", When: Complete{}, Refused: NotRequested},
		{Name: "complete what failed", Given: given(requested, failed), When: Complete{}, Refused: AlreadyFailed},
		{Name: "fail", Given: given(requested), When: Fail{Code: "account/closed", Step: "deposit"}, Then: given(failed)},
		{Name: "fail again", Given: given(requested, failed), When: Fail{Code: "other"}},
		{Name: "fail what nobody requested", When: Fail{}, Refused: NotRequested},
		{Name: "fail what is complete", Given: given(requested, completed), When: Fail{}, Refused: AlreadyCompleted},
	})
}

// Inputs and commands of the saga's tests.

func happened() es.Occurrence {
	return es.Happened{Aggregate: "transfer", Type: "TransferRequested", Event: requested}
}

func attempt(step string, undo bool) string {
	return es.Attempt{Step: step, Undo: undo, Number: 1}.CommandID(estest.ProcessID)
}

func yes(step string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false), Outcome: es.Accepted}
}

func no(step, code string) es.Occurrence {
	return es.Answered{CommandID: attempt(step, false), Outcome: es.Refused, Code: code}
}

func reversed() es.Occurrence {
	return es.Answered{CommandID: attempt("withdraw", true), Outcome: es.Accepted}
}

func sent(step string, undo bool, aggregate, id string, body any) []es.Request {
	return []es.Request{{
		CommandID: attempt(step, undo), ValidAt: estest.ProcessValidAt,
		Command: es.Command{Aggregate: aggregate, ID: id, Body: body},
	}}
}

func sending(step string, undo bool, at int64, target string) saga.StepRequested {
	return saga.StepRequested{Step: step, Undo: undo, Attempt: 1, At: at, ValidAt: estest.ProcessValidAt, Target: target}
}

func given(inputs ...es.Occurrence) []es.Occurrence { return inputs }

func TestSaga(t *testing.T) {
	t.Parallel()
	withdraw := account.Withdraw{Amount: 70, Currency: "EUR", Reference: "rent", Channel: Channel}
	deposit := account.Deposit{Amount: 70, Currency: "EUR", Reference: "rent", Channel: Channel}
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "the money is withdrawn first", When: happened(),
			Then: []any{
				Movement{Transfer: "1", From: "a", To: "b", Amount: 70, Currency: "EUR", Reference: "rent"},
				saga.TimerSet{Name: "deadline", Due: 1_000 + DeadlineMillis}, sending("withdraw", false, 1_000, "account/a"),
			},
			Sends: sent("withdraw", false, "account", "a", withdraw),
		},
		{
			Name: "then deposited", Given: given(happened()), When: yes("withdraw"),
			Then:  []any{saga.StepSucceeded{Step: "withdraw"}, sending("deposit", false, 2_000, "account/b")},
			Sends: sent("deposit", false, "account", "b", deposit),
		},
		{
			Name: "then the transfer is complete", Given: given(happened(), yes("withdraw")), When: yes("deposit"),
			Then:  []any{saga.StepSucceeded{Step: "deposit"}, sending("complete", false, 3_000, "transfer/1")},
			Sends: sent("complete", false, "transfer", "1", Complete{}),
		},
		{
			Name: "and so is the saga", Given: given(happened(), yes("withdraw"), yes("deposit")), When: yes("complete"),
			Then: []any{saga.StepSucceeded{Step: "complete"}, saga.Completed{}},
		},
		{
			Name: "a refused withdrawal leaves nothing to reverse", Given: given(happened()), When: no("withdraw", "account/insufficient-funds"),
			Then: []any{
				saga.StepRefused{Step: "withdraw", Code: "account/insufficient-funds"},
				saga.StopRequested{Code: "account/insufficient-funds", Step: "withdraw"},
				saga.CompensationStarted{Code: "account/insufficient-funds"}, sending("abandon", false, 2_000, "transfer/1"),
			},
			Sends: sent("abandon", false, "transfer", "1", Fail{Code: "account/insufficient-funds", Step: "withdraw"}),
		},
		{
			Name: "a refused deposit reverses the withdrawal", Given: given(happened(), yes("withdraw")), When: no("deposit", "account/closed"),
			Then: []any{
				saga.StepRefused{Step: "deposit", Code: "account/closed"}, saga.StopRequested{Code: "account/closed", Step: "deposit"},
				saga.CompensationStarted{Code: "account/closed"}, sending("withdraw", true, 3_000, "account/a"),
			},
			Sends: sent("withdraw", true, "account", "a", account.Deposit{Amount: 70, Currency: "EUR", Reference: "rent", Channel: ReversalChannel}),
		},
		{
			Name: "and the transfer fails", Given: given(happened(), yes("withdraw"), no("deposit", "account/currency-mismatch")), When: reversed(),
			Then:  []any{saga.StepSucceeded{Step: "withdraw", Undo: true}, sending("abandon", false, 4_000, "transfer/1")},
			Sends: sent("abandon", false, "transfer", "1", Fail{Code: "account/currency-mismatch", Step: "deposit"}),
		},
		{
			Name: "a deadline waits for the withdrawal's answer", Given: given(happened()),
			When: es.Elapsed{Timer: es.Timer{Name: "deadline", Due: 1_000 + DeadlineMillis}},
			Then: []any{
				saga.TimerFired{Name: "deadline"}, saga.StopRequested{Code: saga.DeadlinePassed}, saga.CompensationStarted{Code: saga.DeadlinePassed},
			},
		},
	})
}
