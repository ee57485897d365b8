package transfer_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/bank/account"
	. "recount/domain/bank/transfer"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// bank is two accounts, one transfer and its saga, with everything that is under way between them.
type bank struct {
	accounts map[string]account.Account
	transfer Transfer
	saga     *estest.Instance
	decided  map[string]es.Answered // by command ID: what aggregates remember
	ids      []string               // of the commands that were accepted
	waiting  []es.Request
	answers  []es.Answered
	told     int // commands of the saga that were put under way
}

func newBank(t *rapid.T) *bank {
	b := &bank{accounts: map[string]account.Account{}, saga: estest.NewInstance(Saga(), estest.ProcessID), decided: map[string]es.Answered{}}
	for _, id := range []string{"a", "b"} {
		currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD"}).Draw(t, "currency")
		b.accounts[id], _, _ = es.Handle(b.accounts[id], account.Command(account.Open{CustomerID: id, Currency: currency}))
		b.accounts[id], _, _ = es.Handle(b.accounts[id], account.Command(account.Deposit{Amount: rapid.Int64Range(1, 100).Draw(t, "balance"), Currency: currency}))
	}
	return b
}

func (b *bank) money() int64 { return b.accounts["a"].Balance + b.accounts["b"].Balance }

// take gives the saga an input, and puts what it sends under way.
func (b *bank) take(t *rapid.T, what es.Occurrence) {
	var refusal es.Refusal
	if err := b.saga.Take(what); err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	b.waiting = append(b.waiting, b.saga.Sent[b.told:]...)
	b.told = len(b.saga.Sent)
}

// deliver has an aggregate decide a command, now and then twice, and now and then break.
func (b *bank) deliver(t *rapid.T) {
	i := rapid.IntRange(0, len(b.waiting)-1).Draw(t, "which command")
	request := b.waiting[i]
	if rapid.IntRange(0, 9).Draw(t, "again") > 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	answer, known := b.decided[request.CommandID]
	if !known {
		answer = es.Answered{CommandID: request.CommandID, Outcome: es.Failed, Code: "decide-panicked"}
		if rapid.IntRange(0, 9).Draw(t, "breaks") > 0 {
			answer = b.decide(t, request)
			b.decided[request.CommandID] = answer
		} else { // a dead letter: whoever sends it again must be the saga
			b.waiting = slices.DeleteFunc(b.waiting, func(r es.Request) bool { return r.CommandID == request.CommandID })
		}
	}
	b.answers = append(b.answers, answer)
}

func (b *bank) decide(t *rapid.T, r es.Request) es.Answered {
	answer := es.Answered{CommandID: r.CommandID, Outcome: es.Accepted}
	var err error
	switch body := r.Body.(type) {
	case account.Command:
		b.accounts[r.ID], _, err = es.Handle(b.accounts[r.ID], body)
	case Command:
		b.transfer, _, err = es.Handle(b.transfer, body)
	default:
		t.Fatalf("the saga sends %T", body)
	}
	var no es.Refusal
	if errors.As(err, &no) {
		answer.Outcome, answer.Code = es.Refused, string(no)
	} else {
		b.ids = append(b.ids, r.CommandID)
	}
	return answer
}

// answer gives the saga an outcome, now and then twice.
func (b *bank) answer(t *rapid.T) {
	i := rapid.IntRange(0, len(b.answers)-1).Draw(t, "which answer")
	a := b.answers[i]
	if rapid.IntRange(0, 9).Draw(t, "again") > 0 {
		b.answers = slices.Delete(b.answers, i, i+1)
	}
	b.take(t, a)
}

// fire gives the saga a timer it waits for, early as it may be.
func (b *bank) fire(t *rapid.T) {
	timers := b.saga.Timers()
	b.take(t, es.Elapsed{Timer: timers[rapid.IntRange(0, len(timers)-1).Draw(t, "which timer")]})
}

// run does whatever can come next until nothing can, and orders a retry where the saga is stuck.
func (b *bank) run(t *rapid.T) {
	for range 10_000 {
		var can []func(*rapid.T)
		if len(b.waiting) > 0 {
			can = append(can, b.deliver)
		}
		if len(b.answers) > 0 {
			can = append(can, b.answer)
		}
		if len(b.saga.Timers()) > 0 && (len(can) == 0 || rapid.IntRange(0, 19).Draw(t, "a timer") == 0) {
			can = []func(*rapid.T){b.fire}
		}
		if rapid.IntRange(0, 49).Draw(t, "something else") == 0 {
			can = append(can, func(t *rapid.T) {
				id := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account")
				b.accounts[id], _, _ = es.Handle(b.accounts[id], account.Command(account.Freeze{}))
			})
		}
		if len(can) > 0 {
			rapid.SampledFrom(can).Draw(t, "next")(t)
			continue
		}
		if b.phase() == saga.IsCompleted || b.phase() == saga.IsUndone {
			return
		}
		b.take(t, es.Ordered{Order: es.OrderRetry})
	}
	t.Fatalf("it does not end: %+v", b.saga.State)
}

func (b *bank) phase() saga.Phase { return b.saga.State.(saga.Instance[Movement]).Phase }

// TestMoneyIsConserved has commands, answers and timers come in any order, twice, or break: in the end the money is
// where the transfer says it is, and moved once at most.
func TestMoneyIsConserved(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBank(t)
		before, had := b.money(), b.accounts["b"].Balance
		r := Request{From: "a", To: "b", Amount: rapid.Int64Range(1, 120).Draw(t, "amount"), Currency: "EUR"}
		b.transfer, _, _ = es.Handle(b.transfer, Command(r))
		b.take(t, es.Happened{Aggregate: "transfer", Type: "TransferRequested", Event: TransferRequested(r)})
		b.run(t)
		if problem := b.check(before, had, r.Amount); problem != nil {
			t.Fatal(problem)
		}
		if err := b.saga.CheckFold(); err != nil {
			t.Fatal(err)
		}
	})
}

func (b *bank) check(before, had, amount int64) error {
	got := b.accounts["b"].Balance - had
	switch {
	case b.money() != before:
		return fmt.Errorf("there was %d and is %d: %v", before, b.money(), b.ids)
	case b.transfer.Status == StatusCompleted && got != amount:
		return fmt.Errorf("a transfer of %d is complete, and %d came", amount, got)
	case b.transfer.Status == StatusFailed && got != 0:
		return fmt.Errorf("a transfer failed, and %d came", got)
	case b.transfer.Status != StatusCompleted && b.transfer.Status != StatusFailed:
		return fmt.Errorf("a transfer is left %s", b.transfer.Status)
	}
	return nil
}

// TestTheCheckNoticesLostMoney shows that the check above can fail.
func TestTheCheckNoticesLostMoney(t *testing.T) {
	t.Parallel()
	b := &bank{accounts: map[string]account.Account{"a": {Balance: 30}, "b": {Balance: 0}}, transfer: Transfer{Status: StatusFailed}}
	for name, wrong := range map[string]func(b *bank){
		"money is gone": func(b *bank) { b.accounts["a"] = account.Account{Balance: 29} },
		"it came, though it failed": func(b *bank) {
			b.accounts["a"], b.accounts["b"] = account.Account{Balance: 10}, account.Account{Balance: 20}
		},
		"it did not come, and complete": func(b *bank) { b.transfer.Status = StatusCompleted },
		"it has not ended":              func(b *bank) { b.transfer.Status = StatusRequested },
	} {
		broken := &bank{accounts: map[string]account.Account{"a": b.accounts["a"], "b": b.accounts["b"]}, transfer: b.transfer}
		wrong(broken)
		if broken.check(30, 0, 20) == nil {
			t.Errorf("%s, and nobody notices", name)
		}
	}
	if err := b.check(30, 0, 20); err != nil {
		t.Error(err)
	}
}
