// Package accountpayment is the saga of a payment that comes from an account of the bank: the money is set aside there
// before the payment counts as authorised, taken when the shop collects it, and put back or let go if the payment comes
// to nothing. It is whoever moves the money, to the payments that other people answer for otherwise.
//
//	hold ─▶ authorise ┄(the shop collects)┄▶ take ─▶ confirm ┄(what was paid for has left)┄▶ done
//
// Its payments are the shop's and its accounts the bank's: whether there is money is for the account to say, and whether it
// is still wanted for the payment. What is given back after it is done, package accountrefund puts back, part by part.
package accountpayment

import (
	"recount/domain/bank/account"
	"recount/domain/shop/payment"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// Debit is what the saga knows of a payment.
type Debit struct {
	Payment  string `avro:"payment"`
	Account  string `avro:"account"`
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
}

// Channels of the movements that payments make in accounts.
const (
	Channel         = "payment"
	ReversalChannel = "payment-reversal"
)

// Saga declares it. An account that refuses has the payment declined with the account's own code. A payment that is
// cancelled, declined by somebody else, or given back before it is settled has everything undone in reverse: what was
// taken is deposited again, what is still set aside is released. No step is final: until what was paid for has left, the
// shop may give everything back.
//
// It has no deadline of its own. Whoever asked for the money cancels the payment when they no longer wait for it.
func Saga() es.Process {
	return saga.Declare(saga.Saga[Debit]{
		Name:     "account_payment",
		Revision: 1,
		Starts: map[string]func(string, any) Debit{"payment.HoldRequested": func(id string, event any) Debit {
			e := event.(payment.HoldRequested)
			return Debit{Payment: id, Account: e.Account, Amount: e.Amount, Currency: e.Currency}
		}},
		Stops: map[string]func(any) es.Refusal{
			"payment.DebitRevoked": func(event any) es.Refusal { return es.Refusal(event.(payment.DebitRevoked).Code) },
		},
		Steps: []saga.Step[Debit]{
			{
				Name: "hold",
				Do: func(d Debit) []es.Command {
					return d.ofBank(account.Reserve{HoldID: d.hold(), Amount: d.Amount, Currency: d.Currency, Reference: d.Payment})
				},
				Undo: func(d Debit) []es.Command { return d.ofBank(account.Release{HoldID: d.hold()}) },
			},
			{
				// Nothing need be taken back: at the end the payment hears of it, whatever it has come to.
				Name:  "authorise",
				Do:    func(d Debit) []es.Command { return d.ofShop(payment.Authorise{Reference: d.hold()}) },
				Await: map[string]func(any) es.Refusal{"payment.CollectionRequested": done},
			},
			{
				Name: "take",
				Do: func(d Debit) []es.Command {
					return d.ofBank(account.Capture{HoldID: d.hold(), Amount: d.Amount, Currency: d.Currency, Reference: d.Payment, Channel: Channel})
				},
				Undo: func(d Debit) []es.Command {
					return d.ofBank(account.Deposit{Amount: d.Amount, Currency: d.Currency, Reference: d.Payment, Channel: ReversalChannel})
				},
			},
			{
				Name:  "confirm",
				Do:    func(d Debit) []es.Command { return d.ofShop(payment.ConfirmCollection{}) },
				Await: map[string]func(any) es.Refusal{"payment.PaymentSettled": done},
			},
		},
		Abandon: func(d Debit, why saga.Reason) []es.Command { return d.ofShop(payment.Decline{Reason: why.Code}) },
	})
}

// hold is the ID of what is set aside for a payment.
func (d Debit) hold() string { return "payment/" + d.Payment }

func (d Debit) ofBank(body any) []es.Command {
	return []es.Command{{Context: "bank", Aggregate: "account", ID: d.Account, Body: body}}
}

func (d Debit) ofShop(body any) []es.Command {
	return []es.Command{{Aggregate: "payment", ID: d.Payment, Body: body}}
}

func done(any) es.Refusal { return "" }
