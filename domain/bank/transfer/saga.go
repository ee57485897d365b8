package transfer

import (
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// Movement is what the saga knows of a transfer.
type Movement struct {
	Transfer  string `avro:"transfer"`
	From      string `avro:"from_account"`
	To        string `avro:"to_account"`
	Amount    int64  `avro:"amount"`
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
}

// DeadlineMillis is how long a transfer may take before the money goes back.
const DeadlineMillis = 60_000

// Saga moves the money of a transfer: it is withdrawn, then deposited, then the transfer is complete. A deposit that is
// refused, or a deadline before there is an answer to none, has the withdrawal reversed and the transfer fail. Once the
// deposit is made there is no way back: the receiver may have spent the money.
//
// Both entries are true when the request is, and so is the reversal: at no moment in the books is money missing.
func Saga() es.Process {
	return saga.Declare(saga.Saga[Movement]{
		Name:     "money_transfer",
		Revision: 1,
		Starts: map[string]func(string, any) Movement{"transfer.TransferRequested": func(id string, event any) Movement {
			e := event.(TransferRequested)
			return Movement{Transfer: id, From: e.From, To: e.To, Amount: e.Amount, Currency: e.Currency, Reference: e.Reference}
		}},
		DeadlineMillis: DeadlineMillis,
		Steps: []saga.Step[Movement]{
			{
				Name: "withdraw",
				Do: func(m Movement) []es.Command {
					return one(account.Withdraw{Amount: m.Amount, Currency: m.Currency, Reference: m.Reference, Channel: Channel}, "account", m.From)
				},
				Undo: func(m Movement) []es.Command {
					return one(account.Deposit{Amount: m.Amount, Currency: m.Currency, Reference: m.Reference, Channel: ReversalChannel}, "account", m.From)
				},
			},
			{
				Name: "deposit",
				Do: func(m Movement) []es.Command {
					return one(account.Deposit{Amount: m.Amount, Currency: m.Currency, Reference: m.Reference, Channel: Channel}, "account", m.To)
				},
				Final: true,
			},
			{
				Name: "complete",
				Do:   func(m Movement) []es.Command { return one(Complete{}, "transfer", m.Transfer) },
			},
		},
		Abandon: func(m Movement, why saga.Reason) []es.Command {
			return one(Fail{Code: why.Code, Step: why.Step}, "transfer", m.Transfer)
		},
	})
}

// Channels of the movements that transfers make in accounts.
const (
	Channel         = "transfer"
	ReversalChannel = "transfer-reversal"
)

func one(body any, aggregate, id string) []es.Command {
	return []es.Command{{Aggregate: aggregate, ID: id, Body: body}}
}
