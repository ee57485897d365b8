// Package deals makes up what takes several aggregates, transfers between accounts and orders of a shop, and audits what
// has become of it: in the log, in the stores of the aggregators, and in the views.
//
// The audit folds the log by the domain's own Evolve, and shares nothing else with what carries the deals out. It only
// reads, and waits for nothing: who calls it sees to it that everything has ended.
package deals

import "errors"

// What an audit can find.
var (
	ErrOpen   = errors.New("has not ended")
	ErrTwice  = errors.New("done more often than asked for")
	ErrMoney  = errors.New("money is not where it should be")
	ErrStock  = errors.New("stock is not where it should be")
	ErrDiffer = errors.New("not what the log says")
)

// The contexts whose deals are looked at.
const (
	Bank = "bank"
	Shop = "shop"
)
