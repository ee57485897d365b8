// Package accountrefund is the saga of a refund into an account of the bank: the payment says that so much is left to give
// back, and gives it; the account gets it; the refund is complete. An account that does not take it, because it is closed,
// has the payment take it back, and the refund fail with the account's own code: the shop has the money still.
//
//	refund ─▶ deposit (no way back) ─▶ complete
//
// There is one instance a refund, so that each part of a payment that is given back moves by itself, and once. Until a
// payment is settled it is not this saga that puts its money back, but the one that collected it (package accountpayment).
package accountrefund

import (
	"recount/domain/bank/account"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// Credit is what the saga knows of a refund.
type Credit struct {
	Refund   string `avro:"refund"`
	Payment  string `avro:"payment"`
	Account  string `avro:"account"`
	Amount   int64  `avro:"amount"`
	Tax      int64  `avro:"tax"`
	Currency string `avro:"currency"`
	Reason   string `avro:"reason"`
}

// Channel is that of the movements that refunds make in accounts.
const Channel = "payment-refund"

// Saga declares it. The payment comes first, because it alone knows what is left: of two refunds that are together more
// than that, one is refused before any money has moved. Once the money is in the account there is no way back, because its
// owner may have spent it.
//
// It has no deadline: nobody waits for it but the account's owner, who waits for the money.
func Saga() es.Process {
	return saga.Declare(saga.Saga[Credit]{
		Name:     "account_refund",
		Revision: 1,
		Starts: map[string]func(string, any) Credit{"refund.RefundRequested": func(id string, event any) Credit {
			e := event.(refund.RefundRequested)
			return Credit{
				Refund: id, Payment: e.PaymentID, Account: e.Account, Amount: e.Amount, Tax: e.Tax, Currency: e.Currency, Reason: e.Reason,
			}
		}},
		Steps: []saga.Step[Credit]{
			{
				Name: "refund",
				Do: func(c Credit) []es.Command {
					return one("payment", c.Payment, payment.Refund{
						RefundID: c.Refund, Amount: c.Amount, Tax: c.Tax, Currency: c.Currency, Reason: c.Reason, Account: c.Account,
					})
				},
				Undo: func(c Credit) []es.Command {
					return one("payment", c.Payment, payment.ReverseRefund{RefundID: c.Refund, Reason: "the refund came to nothing"})
				},
			},
			{
				Name: "deposit",
				Do: func(c Credit) []es.Command {
					return []es.Command{{Context: "bank", Aggregate: "account", ID: c.Account, Body: account.Deposit{
						Amount: c.Amount, Currency: c.Currency, Reference: c.Payment, Channel: Channel,
					}}}
				},
				Final: true,
			},
			{
				Name: "complete",
				Do:   func(c Credit) []es.Command { return one("refund", c.Refund, refund.Complete{}) },
			},
		},
		Abandon: func(c Credit, why saga.Reason) []es.Command {
			return one("refund", c.Refund, refund.Fail{Code: why.Code, Step: why.Step})
		},
	})
}

func one(aggregate, id string, body any) []es.Command {
	return []es.Command{{Aggregate: aggregate, ID: id, Body: body}}
}
