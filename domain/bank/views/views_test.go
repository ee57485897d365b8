package views_test

import (
	"strings"
	"testing"

	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/domain/bank/transfer"
	"recount/domain/bank/views"
	"recount/internal/es"
	"recount/internal/es/estest"
)

// books has one record of every event, and those whose rows differ by what the event says. Add records; never change
// or remove one: their like is in somebody's log.
func books() []estest.Record {
	home := customer.Address{Street: "St James's Square 12", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	away := customer.Address{Street: "Rue Grimaldi 1", City: "Monaco", Country: "MC"}
	return []estest.Record{
		accountRecord("opened", 1, account.AccountOpened{CustomerID: "ada", Currency: "EUR", OverdraftLimit: 500}),
		accountRecord("deposited", 2, account.FundsDeposited{
			CustomerID: "ada", Amount: 1999, Currency: "EUR", Reference: "wages", BalanceAfter: 1999,
			StatusAfter: account.StatusOpen, Channel: "online",
		}),
		accountRecord("withdrawn", 3, account.FundsWithdrawn{
			CustomerID: "ada", Amount: 2400, Currency: "EUR", Reference: "rent", BalanceAfter: -401,
			StatusAfter: account.StatusOpen, Channel: "atm",
		}),
		accountRecord("frozen", 4, account.AccountFrozen{CustomerID: "ada", Currency: "EUR", BalanceAfter: -401, Reason: "court order"}),
		accountRecord("deposited before channels, into a frozen account", 5, account.FundsDeposited{
			CustomerID: "ada", Amount: 401, Currency: "EUR", BalanceAfter: 0,
			StatusAfter: account.StatusFrozen, Channel: account.ChannelUnrecorded,
		}),
		accountRecord("unfrozen", 6, account.AccountUnfrozen{CustomerID: "ada", Currency: "EUR", BalanceAfter: 0}),
		accountRecord("closed", 7, account.AccountClosed{CustomerID: "ada", Currency: "EUR"}),
		accountRecord("reserved", 8, account.FundsReserved{
			CustomerID: "ada", HoldID: "h-1", Amount: 300, Currency: "EUR", Reference: "hotel", BalanceAfter: 1000, HeldAfter: 300, StatusAfter: account.StatusOpen,
		}),
		accountRecord("captured", 9, account.FundsCaptured{
			CustomerID: "ada", HoldID: "h-1", Amount: 250, Released: 50, Currency: "EUR", Reference: "hotel", BalanceAfter: 750,
			StatusAfter: account.StatusOpen, Channel: "card",
		}),
		accountRecord("released", 10, account.FundsReleased{
			CustomerID: "ada", HoldID: "h-2", Amount: 80, Currency: "EUR", BalanceAfter: 750, HeldAfter: 20, StatusAfter: account.StatusFrozen,
		}),
		customerRecord("registered", 1, customer.CustomerRegistered{Name: "Ada Lovelace", Email: "ada@example.org", Address: home}),
		customerRecord("moved", 2, customer.CustomerAddressChanged{Address: away}),
		customerRecord("verified", 3, customer.CustomerVerified{}),
		customerRecord("suspended", 4, customer.CustomerSuspended{Reason: "fraud"}),
		transferRecord("requested", 1, transfer.TransferRequested{From: "acct-1", To: "acct-2", Amount: 70, Currency: "EUR", Reference: "rent"}),
		transferRecord("completed", 2, transfer.TransferCompleted{From: "acct-1", To: "acct-2", Amount: 70, Currency: "EUR", Reference: "rent"}),
		transferRecord("failed", 2, transfer.TransferFailed{
			From: "acct-1", To: "acct-2", Amount: 70, Currency: "EUR", Reference: "rent", Code: "account/closed", Step: "deposit",
		}),
	}
}

func accountRecord(name string, version int64, event account.Event) estest.Record {
	return record(name, account.Type(), "acct-1", version, event)
}

func transferRecord(name string, version int64, event transfer.Event) estest.Record {
	return record("transfer "+name, transfer.Type(), "t-1", version, event)
}

func customerRecord(name string, version int64, event customer.Event) estest.Record {
	return record(name, customer.Type(), "ada", version, event)
}

func record(name string, a es.AggregateType, id string, version int64, event any) estest.Record {
	return estest.Place("bank", name, a, id, version, 2, "teller", event)
}

func TestRowsChangeOnlyWithARevision(t *testing.T) {
	t.Parallel()
	for _, view := range views.All() {
		t.Run(view.Name, func(t *testing.T) {
			t.Parallel()
			estest.Golden(t, view, books()...)
		})
	}
}

func TestTheBooksHaveEveryEvent(t *testing.T) {
	t.Parallel()
	estest.EveryEvent(t, books(), account.Type(), customer.Type(), transfer.Type())
}

// TestAForeignEventIsAnError gives each mapping an event that claims to be of its aggregate and is not.
func TestAForeignEventIsAnError(t *testing.T) {
	t.Parallel()
	for _, view := range views.All() {
		for _, aggregate := range []string{"account", "customer", "transfer", "ledger"} {
			r := es.Recorded{Aggregate: aggregate, Type: "Renamed", Event: struct{}{}}
			r.Meta.AggregateID = "id-1"
			rows := es.NewRows(view.Tables...)
			err := view.Map(r, rows)
			mapped := strings.HasPrefix(view.Name, aggregate)
			if mapped && (err == nil || !strings.Contains(err.Error(), "Renamed") || !strings.Contains(err.Error(), "id-1")) {
				t.Errorf("%s: got %v for a foreign event of %s, want an error that names it", view.Name, err, aggregate)
			}
			if !mapped && err != nil {
				t.Errorf("%s: got %v for an event of %s, which is none of its business", view.Name, err, aggregate)
			}
		}
	}
}
