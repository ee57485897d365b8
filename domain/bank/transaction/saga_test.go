package transaction_test

import (
	"testing"

	"recount/domain/bank/account"
	. "recount/domain/bank/transaction"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

func happened(p Post) es.Occurrence {
	return es.Happened{Aggregate: "transaction", Type: "TransactionRequested", Event: TransactionRequested(p)}
}

func attempt(step string, leg int32, undo bool) string {
	return es.Attempt{Step: step, Leg: leg, Undo: undo, Number: 1}.CommandID(estest.ProcessID)
}

func yes(step string, leg int32) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, false), Outcome: es.Accepted}
}

func no(step string, leg int32, code es.Refusal) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, false), Outcome: es.Refused, Code: string(code)}
}

func undone(step string, leg int32) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, true), Outcome: es.Accepted}
}

func sent(step string, leg int32, undo bool, aggregate, id string, body any) es.Request {
	return es.Request{
		CommandID: attempt(step, leg, undo), ValidAt: estest.ProcessValidAt, Command: es.Command{Aggregate: aggregate, ID: id, Body: body},
	}
}

func sending(step string, leg int32, undo bool, at int64, target string) saga.StepRequested {
	return saga.StepRequested{Step: step, Leg: leg, Undo: undo, Attempt: 1, At: at, ValidAt: estest.ProcessValidAt, Target: target}
}

func inputs(all ...es.Occurrence) []es.Occurrence { return all }

// taken are the inputs up to where the money is taken from who gives it.
func taken() []es.Occurrence { return inputs(happened(post), yes("reserve", 0), yes("take", 0)) }

func TestSaga(t *testing.T) {
	t.Parallel()
	const hold = "transaction/1"
	deposit := func(amount int64, channel string) account.Deposit {
		return account.Deposit{Amount: amount, Currency: "EUR", Reference: "march", Channel: channel}
	}
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "the money is set aside first", When: happened(post),
			Then: []any{
				Posting{Transaction: "1", Currency: "EUR", Legs: salary, Reference: "march"},
				saga.TimerSet{Name: "deadline", Due: 1_000 + DeadlineMillis}, saga.StepSkipped{Step: "claim"}, sending("reserve", 0, false, 1_000, "account/firm"),
			},
			Sends: []es.Request{sent("reserve", 0, false, "account", "firm", account.Reserve{HoldID: hold, Amount: 100, Currency: "EUR", Reference: "march"})},
		},
		{
			Name: "then taken", Given: inputs(happened(post)), When: yes("reserve", 0),
			Then: []any{saga.StepSucceeded{Step: "reserve"}, sending("take", 0, false, 2_000, "account/firm")},
			Sends: []es.Request{sent("take", 0, false, "account", "firm",
				account.Capture{HoldID: hold, Amount: 100, Currency: "EUR", Reference: "march", Channel: Channel})},
		},
		{
			Name: "then given, leg by leg", Given: inputs(happened(post), yes("reserve", 0)), When: yes("take", 0),
			Then: []any{
				saga.StepSucceeded{Step: "take"}, sending("give", 0, false, 3_000, "account/ada"), sending("give", 1, false, 3_000, "account/office"),
			},
			Sends: []es.Request{
				sent("give", 0, false, "account", "ada", deposit(70, Channel)), sent("give", 1, false, "account", "office", deposit(30, Channel)),
			},
		},
		{
			Name: "then the entry is complete", Given: append(taken(), yes("give", 0)), When: yes("give", 1),
			Then:  []any{saga.StepSucceeded{Step: "give", Leg: 1}, saga.StepSkipped{Step: "reverse"}, sending("complete", 0, false, 5_000, "transaction/1")},
			Sends: []es.Request{sent("complete", 0, false, "transaction", "1", Complete{})},
		},
		{
			Name: "what is not there is not set aside, and nothing moves", Given: inputs(happened(post)), When: no("reserve", 0, account.InsufficientFunds),
			Then: []any{
				saga.StepRefused{Step: "reserve", Code: string(account.InsufficientFunds)}, saga.StopRequested{Code: string(account.InsufficientFunds), Step: "reserve"},
				saga.CompensationStarted{Code: string(account.InsufficientFunds)}, sending("abandon", 0, false, 2_000, "transaction/1"),
			},
			Sends: []es.Request{sent("abandon", 0, false, "transaction", "1", Fail{Code: string(account.InsufficientFunds), Step: "reserve"})},
		},
		{
			Name: "what one refuses, the other gives back", Given: append(taken(), yes("give", 0)), When: no("give", 1, account.Closed),
			Then: []any{
				saga.StepRefused{Step: "give", Leg: 1, Code: string(account.Closed)}, saga.StopRequested{Code: string(account.Closed), Step: "give"},
				saga.CompensationStarted{Code: string(account.Closed)}, sending("give", 0, true, 5_000, "account/ada"),
			},
			Sends: []es.Request{sent("give", 0, true, "account", "ada",
				account.Withdraw{Amount: 70, Currency: "EUR", Reference: "march", Channel: ReversalChannel})},
		},
		{
			Name: "and so on, in reverse", Given: append(taken(), yes("give", 0), no("give", 1, account.Closed)), When: undone("give", 0),
			Then:  []any{saga.StepSucceeded{Step: "give", Undo: true}, sending("take", 0, true, 6_000, "account/firm")},
			Sends: []es.Request{sent("take", 0, true, "account", "firm", deposit(100, ReversalChannel))},
		},
		{
			Name: "until nothing is set aside", Given: append(taken(), yes("give", 0), no("give", 1, account.Closed), undone("give", 0)), When: undone("take", 0),
			Then:  []any{saga.StepSucceeded{Step: "take", Undo: true}, sending("reserve", 0, true, 7_000, "account/firm")},
			Sends: []es.Request{sent("reserve", 0, true, "account", "firm", account.Release{HoldID: hold})},
		},
	})
}

// TestAReversalIsAnEntry shows that the entry which is taken back is asked first, and told last.
func TestAReversalIsAnEntry(t *testing.T) {
	t.Parallel()
	reversal := Post{Currency: "EUR", Legs: back, Reverses: "t-1"}
	given := inputs(happened(reversal), yes("claim", 0), yes("reserve", 0), yes("reserve", 1), yes("take", 0), yes("take", 1))
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "it is asked whether another takes it back", When: happened(reversal),
			Then: []any{
				Posting{Transaction: "1", Currency: "EUR", Legs: back, Reverses: "t-1"},
				saga.TimerSet{Name: "deadline", Due: 1_000 + DeadlineMillis}, sending("claim", 0, false, 1_000, "transaction/t-1"),
			},
			Sends: []es.Request{sent("claim", 0, false, "transaction", "t-1", ClaimReversal{By: "1", Currency: "EUR", Legs: back})},
		},
		{
			Name: "another does", Given: inputs(happened(reversal)), When: no("claim", 0, AlreadyReversed),
			Then: []any{
				saga.StepRefused{Step: "claim", Code: string(AlreadyReversed)}, saga.StopRequested{Code: string(AlreadyReversed), Step: "claim"},
				saga.CompensationStarted{Code: string(AlreadyReversed)}, sending("abandon", 0, false, 2_000, "transaction/1"),
			},
			Sends: []es.Request{sent("abandon", 0, false, "transaction", "1", Fail{Code: string(AlreadyReversed), Step: "claim"})},
		},
		{
			Name: "it is told when all is back", Given: given, When: yes("give", 0),
			Then:  []any{saga.StepSucceeded{Step: "give"}, sending("reverse", 0, false, 7_000, "transaction/t-1")},
			Sends: []es.Request{sent("reverse", 0, false, "transaction", "t-1", ConfirmReversal{By: "1"})},
		},
	})
}
