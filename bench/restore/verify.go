package main

import (
	"errors"
	"fmt"

	"recount/bench/workload"
	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
)

// accountsIn are those that have been opened.
func accountsIn(all []workload.Account) []workload.Account {
	var out []workload.Account
	for _, a := range all {
		if a.Version > 0 {
			out = append(out, a)
		}
	}
	return out
}

// verify compares what a disk holds with what every account must have come to.
func (b *benchmark) verify(dir string, expected []workload.Account) (err error) {
	root, err := pebble.Open(pebble.Config{Dir: dir})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	left := len(accountsIn(expected))
	for n := range b.o.plan.Partitions {
		found, err := b.verifyPartition(root, fmt.Sprintf("%s.%d", bank, n), expected)
		if err != nil {
			return err
		}
		left -= found
	}
	if left != 0 {
		return fmt.Errorf("%d accounts are missing", left)
	}
	return nil
}

func (b *benchmark) verifyPartition(root statestore.Root, name string, expected []workload.Account) (found int, err error) {
	store, err := root.Open(name)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	codec, accounts := b.codec.Context(bank), account.Type()
	for pair, err := range store.Scan(nil, nil) {
		if err != nil {
			return found, err
		}
		a, ok, err := engine.ReadStored(pair)
		if err != nil {
			return found, err
		}
		if !ok {
			continue
		}
		n, ok := workload.AccountNumber(a.ID)
		if !ok || n >= len(expected) {
			return found, fmt.Errorf("there is no %s %q", a.Aggregate, a.ID)
		}
		state, err := codec.DecodeState(accounts, a.State)
		if err != nil {
			return found, err
		}
		got := workload.Account{Balance: state.(account.Account).Balance, Version: a.Version}
		if got != expected[n] {
			return found, fmt.Errorf("%s has a balance of %d at version %d, it must be %d at version %d", a.ID, got.Balance, got.Version, expected[n].Balance, expected[n].Version)
		}
		found++
	}
	return found, nil
}
