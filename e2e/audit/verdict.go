package audit

import (
	"errors"
	"fmt"
	"reflect"

	"recount/domain/bank/account"
)

// Verdict says, after the last record, everything that is wrong; nil: nothing is.
func (a *Audit) Verdict() error {
	for id, want := range a.want.Events {
		if missing := int64(len(want)) - a.account(id).version; missing > 0 {
			a.fault(fmt.Errorf("%d of %d events of %s: %w", missing, len(want), id, ErrLost))
			continue
		}
		var state account.Account
		for _, e := range want {
			state = state.Evolve(e.Body)
		}
		if got := a.account(id).state; !reflect.DeepEqual(got, state) {
			a.fault(fmt.Errorf("%s is %+v, the serial fold says %+v: %w", id, got, state, ErrWrong))
		}
	}
	for id, want := range a.want.Refusals {
		if missing := len(want) - a.account(id).refusals; missing > 0 {
			a.fault(fmt.Errorf("%d of %d refusals of %s: %w", missing, len(want), id, ErrLost))
		}
	}
	for value, want := range a.want.DeadLetters {
		if missing := want - len(a.deadLetters[value]); missing > 0 {
			a.fault(fmt.Errorf("%.40q among the dead letters: %w", value, ErrLost))
		}
	}
	return a.told()
}

// Counts says how many faults Verdict has found: what is lost, what is there twice, and all others.
func (a *Audit) Counts() (lost, twice, others int) { return a.lost, a.twice, a.others }

func (a *Audit) told() error {
	if a.silent > 0 {
		a.faults = append(a.faults, fmt.Errorf("and %d more", a.silent))
	}
	return errors.Join(a.faults...)
}
