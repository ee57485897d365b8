package webconsole_test

import (
	"testing"

	"recount/domain/bank/transfer"
	"recount/internal/es"
	"recount/internal/worker/inspect"
)

const transferID = "bank/money_transfer/t-1"

// requested begins the transfer t-1.
func requested() es.Occurrence {
	return es.Happened{Aggregate: "transfer", Type: "TransferRequested", Event: transfer.TransferRequested{From: "acct-1", To: "acct-2", Amount: 10, Currency: "EUR"}}
}

// outcome answers a command of t-1.
func outcome(o es.Outcome, code, step string, undo bool) es.Occurrence {
	return es.Answered{CommandID: es.Attempt{Step: step, Undo: undo, Number: 1}.CommandID(transferID), Outcome: o, Code: code}
}

// transferHistory is a transfer whose deposit was refused, and whose withdrawal was taken back.
func transferHistory(t *testing.T) *inspect.Timeline {
	t.Helper()
	return run(t, saga(t, "money_transfer"), transferID, requested(),
		outcome(es.Accepted, "", "withdraw", false), outcome(es.Refused, "account/not-open", "deposit", false),
		outcome(es.Accepted, "", "withdraw", true), outcome(es.Accepted, "", es.AbandonNode, false))
}
