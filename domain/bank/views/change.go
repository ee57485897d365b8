package views

import (
	"fmt"

	"recount/domain/bank/account"
	"recount/internal/es"
)

// change is what one account event says, in the terms of every report about accounts.
type change struct {
	customerID string
	amount     int64 // signed: what the event adds to the balance
	currency   string
	status     account.Status // the new status; empty where the event changes none
	reference  string
	channel    string

	balanceAfter int64
	statusAfter  account.Status
}

// accountChange reads the change out of r. It is ok if r is an event of an account at all.
func accountChange(r es.Recorded) (c change, ok bool, err error) {
	if r.Aggregate != "account" {
		return change{}, false, nil
	}
	event, isEvent := r.Event.(account.Event)
	if !isEvent {
		return change{}, false, fmt.Errorf("reading event %s of account %s: %T is no event of an account", r.Type, r.Meta.AggregateID, r.Event)
	}
	return changeBy(event), true, nil
}

func changeBy(event account.Event) change {
	switch e := event.(type) {
	case account.AccountOpened:
		return change{
			customerID: e.CustomerID, currency: e.Currency,
			status: account.StatusOpen, statusAfter: account.StatusOpen,
		}
	case account.FundsDeposited:
		return change{
			customerID: e.CustomerID, currency: e.Currency, amount: e.Amount, reference: e.Reference, channel: e.Channel,
			balanceAfter: e.BalanceAfter, statusAfter: e.StatusAfter,
		}
	case account.FundsWithdrawn:
		return change{
			customerID: e.CustomerID, currency: e.Currency, amount: -e.Amount, reference: e.Reference, channel: e.Channel,
			balanceAfter: e.BalanceAfter, statusAfter: e.StatusAfter,
		}
	case account.FundsReserved: // what is set aside is still there
		return change{
			customerID: e.CustomerID, currency: e.Currency, reference: e.Reference, balanceAfter: e.BalanceAfter, statusAfter: e.StatusAfter,
		}
	case account.FundsCaptured:
		return change{
			customerID: e.CustomerID, currency: e.Currency, amount: -e.Amount, reference: e.Reference, channel: e.Channel,
			balanceAfter: e.BalanceAfter, statusAfter: e.StatusAfter,
		}
	case account.FundsReleased:
		return change{
			customerID: e.CustomerID, currency: e.Currency, balanceAfter: e.BalanceAfter, statusAfter: e.StatusAfter,
		}
	case account.AccountFrozen:
		return change{
			customerID: e.CustomerID, currency: e.Currency, balanceAfter: e.BalanceAfter,
			status: account.StatusFrozen, statusAfter: account.StatusFrozen,
		}
	case account.AccountUnfrozen:
		return change{
			customerID: e.CustomerID, currency: e.Currency, balanceAfter: e.BalanceAfter,
			status: account.StatusOpen, statusAfter: account.StatusOpen,
		}
	case account.AccountClosed:
		return change{
			customerID: e.CustomerID, currency: e.Currency,
			status: account.StatusClosed, statusAfter: account.StatusClosed,
		}
	}
	panic(es.Unhandled(event))
}
