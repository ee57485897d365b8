package main

import (
	"io"

	"recount/bench/frame"
)

// options are what a person may choose.
type options struct {
	frame.Output
	books  books
	rounds int
	warmUp int // rounds
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := frame.NewFlags("asof", usage, &o.Output)
	f.IntVar(&o.books.accounts, "accounts", 100_000, "accounts of the bank")
	f.IntVar(&o.books.versions, "versions", 100, "versions of each account: rows of history")
	f.Uint64Var(&o.books.seed, "seed", 1, "seed of the entries")
	f.IntVar(&o.rounds, "rounds", 20, "times that each question is asked, in turns")
	f.IntVar(&o.warmUp, "warm-up", 3, "rounds before that do not count")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.validate(f.Check)
	return o, f.Faults()
}

// validate tells check of every fault.
func (o options) validate(check func(ok bool, format string, args ...any)) {
	check(o.books.accounts >= partitions, "--accounts: %d accounts do not fill %d partitions", o.books.accounts, partitions)
	check(o.books.versions >= 1, "--versions: an account has one version at least, its opening; not %d", o.books.versions)
	check(o.rounds > 0, "--rounds: %d rounds measure nothing", o.rounds)
	check(o.warmUp >= 0, "--warm-up: %d is less than none", o.warmUp)
}
