package transaction

import (
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// Posting is what the saga knows of an entry.
type Posting struct {
	Transaction string `avro:"transaction"`
	Currency    string `avro:"currency"`
	Legs        []Leg  `avro:"legs"`
	Reference   string `avro:"reference"`
	Reverses    string `avro:"reverses"`
}

// DeadlineMillis is how long an entry may take before nothing of it is left.
const DeadlineMillis = 60_000

// Channels of the movements that entries make in accounts.
const (
	Channel         = "transaction"
	ReversalChannel = "transaction-reversal"
)

// Saga posts an entry: the entry that it takes back is claimed, if there is one; what is to leave is set aside in all
// accounts that give, so that most refusals come before anything has moved; then it is taken, and then given. A refusal, or
// the deadline, has all of it taken back in reverse, and the entry fails. An account that has spent meanwhile what it was
// given can refuse to give it back: then the saga is stuck, for somebody to talk to its owner.
//
// Once the entry that it takes back is marked as reversed there is no way back. All legs are true when the entry is.
func Saga() es.Process {
	return saga.Declare(saga.Saga[Posting]{
		Name:     "journal_entry",
		Revision: 1,
		Starts: map[string]func(string, any) Posting{"transaction.TransactionRequested": func(id string, event any) Posting {
			e := event.(TransactionRequested)
			return Posting{Transaction: id, Currency: e.Currency, Legs: e.Legs, Reference: e.Reference, Reverses: e.Reverses}
		}},
		DeadlineMillis: DeadlineMillis,
		Steps: []saga.Step[Posting]{
			{
				Name: "claim",
				Do: reversed(func(p Posting) any {
					return ClaimReversal{By: p.Transaction, Currency: p.Currency, Legs: p.Legs}
				}),
				Undo: reversed(func(p Posting) any { return ReleaseReversal{By: p.Transaction} }),
			},
			{
				Name: "reserve",
				Do: giving(func(p Posting, amount int64) any {
					return account.Reserve{HoldID: p.hold(), Amount: amount, Currency: p.Currency, Reference: p.Reference}
				}),
				Undo: giving(func(p Posting, _ int64) any { return account.Release{HoldID: p.hold()} }),
			},
			{
				Name: "take",
				Do: giving(func(p Posting, amount int64) any {
					return account.Capture{HoldID: p.hold(), Amount: amount, Currency: p.Currency, Reference: p.Reference, Channel: Channel}
				}),
				Undo: giving(func(p Posting, amount int64) any { return p.deposit(amount, ReversalChannel) }),
			},
			{
				Name: "give",
				Do:   receiving(func(p Posting, amount int64) any { return p.deposit(amount, Channel) }),
				Undo: receiving(func(p Posting, amount int64) any {
					return account.Withdraw{Amount: amount, Currency: p.Currency, Reference: p.Reference, Channel: ReversalChannel}
				}),
			},
			{Name: "reverse", Do: reversed(func(p Posting) any { return ConfirmReversal{By: p.Transaction} }), Final: true},
			{Name: "complete", Do: func(p Posting) []es.Command { return one("transaction", p.Transaction, Complete{}) }},
		},
		Abandon: func(p Posting, why saga.Reason) []es.Command {
			return one("transaction", p.Transaction, Fail{Code: why.Code, Step: why.Step})
		},
	})
}

// hold is the ID of what is set aside for an entry.
func (p Posting) hold() string { return "transaction/" + p.Transaction }

func (p Posting) deposit(amount int64, channel string) account.Deposit {
	return account.Deposit{Amount: amount, Currency: p.Currency, Reference: p.Reference, Channel: channel}
}

// giving sends a command to every account that gives, receiving to every one that is given: amounts are above zero.
func giving(body func(p Posting, amount int64) any) func(Posting) []es.Command {
	return legs(func(l Leg) int64 { return -l.Amount }, body)
}

func receiving(body func(p Posting, amount int64) any) func(Posting) []es.Command {
	return legs(func(l Leg) int64 { return l.Amount }, body)
}

func legs(amount func(Leg) int64, body func(Posting, int64) any) func(Posting) []es.Command {
	return func(p Posting) (all []es.Command) {
		for _, l := range p.Legs {
			if n := amount(l); n > 0 {
				all = append(all, es.Command{Aggregate: "account", ID: l.Account, Body: body(p, n)})
			}
		}
		return all
	}
}

// reversed sends a command to the entry that is taken back, if there is one.
func reversed(body func(Posting) any) func(Posting) []es.Command {
	return func(p Posting) []es.Command {
		if p.Reverses == "" {
			return nil
		}
		return one("transaction", p.Reverses, body(p))
	}
}

func one(aggregate, id string, body any) []es.Command {
	return []es.Command{{Aggregate: aggregate, ID: id, Body: body}}
}
