package transaction_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/bank/account"
	. "recount/domain/bank/transaction"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// bank is some accounts, an entry that is posted, one that would like to take it back, and the saga of either.
type bank struct {
	accounts map[string]account.Account
	entries  map[string]Transaction
	sagas    map[string]*estest.Instance
	told     map[string]int         // commands of each saga that were put under way
	decided  map[string]es.Answered // by command ID: what aggregates remember
	waiting  []request
	answers  []answer
}

type request struct {
	saga string
	es.Request
}

type answer struct {
	saga string
	es.Answered
}

func newBank(t *rapid.T) *bank {
	b := &bank{
		accounts: map[string]account.Account{}, entries: map[string]Transaction{}, sagas: map[string]*estest.Instance{}, told: map[string]int{},
		decided: map[string]es.Answered{},
	}
	for _, id := range accounts() {
		currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "EUR", "EUR", "USD"}).Draw(t, "currency")
		b.ask(id, account.Open{CustomerID: id, Currency: currency})
		b.ask(id, account.Deposit{Amount: rapid.Int64Range(1, 100).Draw(t, "balance"), Currency: currency})
	}
	return b
}

func accounts() []string { return []string{"a", "b", "c", "d"} }

func (b *bank) ask(id string, c account.Command) { b.accounts[id], _, _ = es.Handle(b.accounts[id], c) }

// legs draws an entry.
func legs(t *rapid.T) []Leg {
	var out []Leg
	var sum int64
	for _, id := range accounts()[:rapid.IntRange(1, len(accounts())-1).Draw(t, "legs")] {
		amount := rapid.SampledFrom([]int64{-80, -30, -7, 5, 20, 60}).Draw(t, "amount")
		out, sum = append(out, Leg{id, amount}), sum+amount
	}
	return append(out, Leg{"d", -sum})
}

// post has an entry be asked for and its saga begin, if the aggregate takes it.
func (b *bank) post(t *rapid.T, id string, p Post) {
	var events []Event
	b.entries[id], events, _ = es.Handle(b.entries[id], Command(p))
	if len(events) > 0 {
		b.sagas[id] = estest.NewInstance(Saga(), "bank/journal_entry/"+id)
		b.take(t, id, happened(p))
	}
}

// take gives a saga an input, and puts what it sends under way.
func (b *bank) take(t *rapid.T, id string, what es.Occurrence) {
	var refusal es.Refusal
	if err := b.sagas[id].Take(what); err != nil && !errors.As(err, &refusal) {
		t.Fatal(err)
	}
	for _, r := range b.sagas[id].Sent[b.told[id]:] {
		b.waiting = append(b.waiting, request{id, r})
	}
	b.told[id] = len(b.sagas[id].Sent)
}

// deliver has an aggregate decide a command, now and then twice, and now and then break.
func (b *bank) deliver(t *rapid.T) {
	i := rapid.IntRange(0, len(b.waiting)-1).Draw(t, "which command")
	r := b.waiting[i]
	b.waiting = slices.Delete(b.waiting, i, i+1)
	if rapid.IntRange(0, 9).Draw(t, "again") == 9 {
		b.waiting = append(b.waiting, r)
	}
	a, known := b.decided[r.CommandID]
	if !known && rapid.IntRange(0, 19).Draw(t, "breaks") == 19 { // a dead letter: whoever sends it again must be the saga
		b.waiting = slices.DeleteFunc(b.waiting, func(o request) bool { return o.CommandID == r.CommandID })
		b.answers = append(b.answers, answer{r.saga, es.Answered{CommandID: r.CommandID, Outcome: es.Failed, Code: "decide-panicked"}})
		return
	}
	if !known {
		a = b.decide(t, r.Request)
		b.decided[r.CommandID] = a
	}
	b.answers = append(b.answers, answer{r.saga, a})
}

func (b *bank) decide(t *rapid.T, r es.Request) es.Answered {
	var err error
	switch body := r.Body.(type) {
	case account.Command:
		b.accounts[r.ID], _, err = es.Handle(b.accounts[r.ID], body)
	case Command:
		b.entries[r.ID], _, err = es.Handle(b.entries[r.ID], body)
	default:
		t.Fatalf("the saga sends %T", body)
	}
	a := es.Answered{CommandID: r.CommandID, Outcome: es.Accepted}
	var no es.Refusal
	if errors.As(err, &no) {
		a.Outcome, a.Code = es.Refused, string(no)
	}
	return a
}

// step does one of the things that can come next; false: nothing can.
func (b *bank) step(t *rapid.T) bool {
	n := rapid.IntRange(0, 99).Draw(t, "what next")
	for _, id := range []string{"t-1", "r-1", "r-2"} {
		if i := b.sagas[id]; i != nil && len(i.Timers()) > 0 && n == 99 {
			b.take(t, id, es.Elapsed{Timer: i.Timers()[0]}) // early as it may be
			return true
		}
	}
	switch {
	case n == 98:
		b.ask(rapid.SampledFrom(accounts()).Draw(t, "account"), account.Freeze{})
	case n >= 90 && n < 98:
		b.ask(rapid.SampledFrom(accounts()).Draw(t, "account"), account.Unfreeze{})
	case len(b.waiting) > 0 && (n%2 == 0 || len(b.answers) == 0):
		b.deliver(t)
	case len(b.answers) > 0:
		i := rapid.IntRange(0, len(b.answers)-1).Draw(t, "which answer")
		a := b.answers[i]
		b.answers = slices.Delete(b.answers, i, i+1)
		b.take(t, a.saga, a.Answered)
	default:
		return false
	}
	return true
}

// run does whatever can come next until every saga has ended. Where one is stuck, what keeps it is mended, and it tries again.
func (b *bank) run(t *rapid.T) {
	for range 20_000 {
		if b.step(t) {
			continue
		}
		open := false
		for id, i := range b.sagas {
			s := i.State.(saga.Instance[Posting])
			if s.Phase.Ended() {
				continue
			}
			open = true
			for _, a := range accounts() {
				b.ask(a, account.Unfreeze{})
			}
			b.take(t, id, es.Ordered{Order: es.OrderRetry})
		}
		if !open {
			return
		}
	}
	t.Fatal("it does not end")
}

// TestAnEntryIsPostedOrNot has commands, answers and timers come in any order, twice, or break: in the end each account has
// what the entries say that are in the books, and nothing is set aside.
func TestAnEntryIsPostedOrNot(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := newBank(t)
		had := map[string]int64{}
		for id, a := range b.accounts {
			had[id] = a.Balance
		}
		entry := legs(t)
		b.post(t, "t-1", Post{Currency: "EUR", Legs: entry})
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			b.step(t)
		}
		opposite := slices.Clone(entry)
		for i := range opposite {
			opposite[i].Amount *= -1
		}
		b.post(t, "r-1", Post{Currency: "EUR", Legs: opposite, Reverses: "t-1"})
		b.post(t, "r-2", Post{Currency: "EUR", Legs: opposite, Reverses: "t-1"})
		b.run(t)
		if err := b.check(had); err != nil {
			t.Fatal(err)
		}
	})
}

// check compares what the accounts hold with the entries that are in the books.
func (b *bank) check(had map[string]int64) error {
	want := map[string]int64{}
	posted := map[string]bool{}
	for id, e := range b.entries {
		switch e.Status {
		case StatusPosted, StatusReversed:
			posted[id] = true
			for _, l := range e.Entry.Legs {
				want[l.Account] += l.Amount
			}
		case StatusFailed, "":
		default:
			return fmt.Errorf("%s is left %s", id, e.Status)
		}
	}
	for id, a := range b.accounts {
		if a.Balance-had[id] != want[id] || len(a.Holds) > 0 {
			return fmt.Errorf("account %s has %d more, by the entries it is %d; set aside are %v", id, a.Balance-had[id], want[id], a.Holds)
		}
	}
	if posted["r-1"] && posted["r-2"] {
		return errors.New("it was taken back twice")
	}
	if by := b.entries["t-1"].Reversal; (b.entries["t-1"].Status == StatusReversed) != (posted["r-1"] || posted["r-2"]) || by != "" && !posted[by] {
		return fmt.Errorf("the entry is %s by %q, and posted are %v", b.entries["t-1"].Status, by, posted)
	}
	return nil
}

// TestTheCheckNoticesWhatIsWrong shows that the check above can fail.
func TestTheCheckNoticesWhatIsWrong(t *testing.T) {
	t.Parallel()
	had := map[string]int64{"a": 10, "b": 0}
	good := func() *bank {
		return &bank{
			accounts: map[string]account.Account{"a": {Balance: 7}, "b": {Balance: 3}},
			entries: map[string]Transaction{
				"t-1": {Status: StatusPosted, Entry: Entry{Legs: []Leg{{"a", -3}, {"b", 3}}}}, "r-1": {Status: StatusFailed},
			},
		}
	}
	if err := good().check(had); err != nil {
		t.Fatal(err)
	}
	for name, tamper := range map[string]func(*bank){
		"money is gone": func(b *bank) { b.accounts["a"] = account.Account{Balance: 6} },
		"money is set aside": func(b *bank) {
			b.accounts["a"] = account.Account{Balance: 7, Holds: []account.Hold{{ID: "h", Amount: 1}}}
		},
		"an entry has not ended":              func(b *bank) { b.entries["r-1"] = Transaction{Status: StatusRequested} },
		"half of it is posted":                func(b *bank) { b.accounts["b"] = account.Account{} },
		"a failed entry moved":                func(b *bank) { b.entries["t-1"] = Transaction{Status: StatusFailed, Entry: b.entries["t-1"].Entry} },
		"it is claimed by nobody":             func(b *bank) { e := b.entries["t-1"]; e.Reversal = "r-1"; b.entries["t-1"] = e },
		"it is taken back, and does not know": func(b *bank) { b.entries["r-1"] = Transaction{Status: StatusPosted} },
		"it is taken back twice": func(b *bank) {
			b.entries["r-1"], b.entries["r-2"] = Transaction{Status: StatusPosted}, Transaction{Status: StatusPosted}
		},
	} {
		b := good()
		if tamper(b); b.check(had) == nil {
			t.Errorf("%s, and nobody notices", name)
		}
	}
}
