// Package bank is the bounded context of a bank: its accounts, its customers, transfers between accounts, entries over several, and the reports about them.
package bank

import (
	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/domain/bank/transaction"
	"recount/domain/bank/transfer"
	"recount/domain/bank/views"
	"recount/internal/es"
)

// Context declares the bank.
func Context() es.Context {
	return es.Context{
		Name:       "bank",
		Aggregates: []es.AggregateType{account.Type(), customer.Type(), transfer.Type(), transaction.Type()},
		Processes:  []es.Process{transfer.Saga(), transaction.Saga()},
		Views:      views.All(),
	}
}
