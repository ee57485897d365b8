package sim

import (
	"fmt"
	"strconv"
	"strings"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// invariant is a sentence that holds after every run, whatever went wrong in it.
type invariant struct {
	name  string
	check func(*books) []string // a sentence for each place that breaks it
}

// The invariants' names, as README.md lists them.
const (
	contiguous = "versions contiguous"
	once       = "no (command, index) twice"
	serially   = "no outcome that a serial execution would not give"
	unbroken   = "chain unbroken"
	conserved  = "money conserved"
	forward    = "time never runs back"
	folded     = "store = fold of events"
	honest     = "answers are recorded outcomes"
	restored   = "snapshots restore to the fold"
	readable   = "every record can be read"
	endsWell   = "every run ends well" // nobody stops who should not, and everything is decided at the end
)

func invariants() []invariant {
	return []invariant{
		{contiguous, (*books).contiguous},
		{once, (*books).once},
		{serially, (*books).serially},
		{unbroken, (*books).unbroken},
		{conserved, (*books).conserved},
		{forward, (*books).forward},
		{folded, (*books).folded},
		{restored, (*books).restored},
		{honest, (*books).honest},
	}
}

// breach is one place where an invariant does not hold.
type breach struct{ invariant, what string }

func (b breach) String() string { return b.invariant + ": " + b.what }

// breachesPerInvariantMax keeps a report readable: one mistake shows in hundreds of places.
const breachesPerInvariantMax = 5

// breachesOf checks every invariant.
func breachesOf(h *history) []breach {
	b, err := read(h)
	if err != nil {
		return []breach{{readable, err.Error()}}
	}
	var out []breach
	for _, i := range invariants() {
		found := i.check(b)
		for n, what := range found {
			if n == breachesPerInvariantMax {
				out = append(out, breach{i.name, fmt.Sprintf("… and %d more", len(found)-n)})
				break
			}
			out = append(out, breach{i.name, what})
		}
	}
	return out
}

// contiguous: each aggregate's versions are 1, 2, 3 … in the order of the log, in the aggregate's own partition, under
// the key that says so.
func (b *books) contiguous() (out []string) {
	next := map[string]int64{}
	for n, events := range b.events {
		for _, e := range events {
			next[e.name()]++
			if e.Meta.Version != next[e.name()] {
				out = append(out, fmt.Sprintf("%s has version %d in place %d, at %d@%d", e.name(), e.Meta.Version, next[e.name()], n, e.offset))
			}
			if key := e.name() + "/" + strconv.FormatInt(e.Meta.Version, 10); string(e.key) != key {
				out = append(out, fmt.Sprintf("%s lies under the key %q, at %d@%d", key, e.key, n, e.offset))
			}
			if home := partition.Of(e.Meta.AggregateID, int32(len(b.parts))); home != int32(n) {
				out = append(out, fmt.Sprintf("%s lives in partition %d and was written to %d", e.name(), home, n))
			}
		}
	}
	return out
}

// once: no event is there twice, and each has the ID that its command and its index in it derive.
func (b *books) once() (out []string) {
	seen := map[es.ID]bool{}
	index := map[string]int{} // of the next event, by aggregate and command
	for n, events := range b.events {
		for _, e := range events {
			command := e.name() + " " + e.Meta.CommandID
			if seen[e.Meta.EventID] {
				out = append(out, fmt.Sprintf("%s: event %s is there twice, the second time at %d@%d", command, e.Meta.EventID, n, e.offset))
				continue
			}
			seen[e.Meta.EventID] = true
			if want := engine.EventID(e.Aggregate.Name(), e.Meta.AggregateID, e.Meta.CommandID, index[command]); e.Meta.EventID != want {
				out = append(out, fmt.Sprintf("%s: its event number %d is called %s, not %s", command, index[command], e.Meta.EventID, want))
			}
			index[command]++
		}
	}
	return out
}

// unbroken: each event's chain is the hash of the one before, its schema and its own body.
func (b *books) unbroken() (out []string) {
	last := map[string]es.Hash{}
	for n, events := range b.events {
		for _, e := range events {
			if want := engine.Link(last[e.name()], e.schema, e.value[serde.HeaderBytes:]); e.Meta.Chain != want {
				out = append(out, fmt.Sprintf("%s version %d does not follow from what is before it, at %d@%d", e.name(), e.Meta.Version, n, e.offset))
			}
			last[e.name()] = e.Meta.Chain
		}
	}
	return out
}

// conserved: what the accounts hold is what the decided commands put in, less what they took out; and every event says
// the balance that it left. The amounts are the commands' own, not the events'.
func (b *books) conserved() (out []string) {
	var moved, held int64
	balances := map[string]int64{}
	for _, in := range b.inputs {
		if len(in.events) == 0 {
			continue
		}
		switch body := in.Body.(type) {
		case account.Deposit:
			moved += body.Amount
		case account.Withdraw:
			moved -= body.Amount
		}
	}
	for _, events := range b.events {
		for _, e := range events {
			if said, is := change(balances, e); is && said != balances[e.name()] {
				out = append(out, fmt.Sprintf("%s version %d says a balance of %d, it is %d", e.name(), e.Meta.Version, said, balances[e.name()]))
			}
		}
	}
	for _, balance := range balances {
		held += balance
	}
	if moved != held {
		out = append(out, fmt.Sprintf("commands moved %d, the accounts hold %d", moved, held))
	}
	return out
}

// change takes an event of an account over into its balance, and returns the balance that the event says it left.
func change(balances map[string]int64, e event) (said int64, is bool) {
	switch body := e.Body.(type) {
	case account.FundsDeposited:
		balances[e.name()] += body.Amount
		return body.BalanceAfter, true
	case account.FundsWithdrawn:
		balances[e.name()] -= body.Amount
		return body.BalanceAfter, true
	}
	return 0, false
}

// forward: within a partition recorded_at never runs back, whoever's clock it was. Events and refusals are two topics
// whose records of one batch can't be told in order, so each is looked at alone.
func (b *books) forward() (out []string) {
	for n := range b.parts {
		last := int64(0)
		for _, e := range b.events[n] {
			if e.Meta.RecordedAt < last {
				out = append(out, fmt.Sprintf("events/%d@%d was recorded %d ms before the one in front of it", n, e.offset, last-e.Meta.RecordedAt))
			}
			last = max(last, e.Meta.RecordedAt)
		}
		last = 0
		for _, r := range b.refusals[n] {
			if r.meta.RecordedAt < last {
				out = append(out, fmt.Sprintf("refusals/%d@%d was recorded %d ms before the one in front of it", n, r.offset, last-r.meta.RecordedAt))
			}
			last = max(last, r.meta.RecordedAt)
		}
	}
	return out
}

// honest: whoever was answered was told what the log says.
func (b *books) honest() (out []string) {
	type key struct{ command, outcome, code string }
	recorded := map[key]map[int64]bool{} // → versions
	put := func(k key, version int64) {
		if recorded[k] == nil {
			recorded[k] = map[int64]bool{}
		}
		recorded[k][version] = true
	}
	positions := map[string]bool{}
	for n := range b.parts {
		for _, e := range b.events[n] {
			put(key{e.name() + " " + e.Meta.CommandID, string(es.Accepted), ""}, e.Meta.Version)
			positions[fmt.Sprintf("%s/%d@%d %s", contextName, n, e.offset, e.Meta.CommandID)] = true
		}
		for _, r := range b.refusals[n] {
			put(key{r.aggregate + "/" + r.meta.AggregateID + " " + r.meta.CommandID, string(r.Outcome), r.Code}, r.meta.Version)
		}
	}
	for _, a := range b.told {
		aggregate, _, _ := strings.Cut(strings.TrimPrefix(a.Command, contextName+"."), ".")
		if !recorded[key{aggregate + "/" + a.Meta.AggregateID + " " + a.Meta.CommandID, string(a.Outcome), a.Code}][a.Version] {
			out = append(out, fmt.Sprintf("%s %s was told %s %s at version %d, which was never recorded", a.Meta.AggregateID, a.Meta.CommandID, a.Outcome, a.Code, a.Version))
		}
		if a.position != "" && !positions[a.position+" "+a.Meta.CommandID] {
			out = append(out, fmt.Sprintf("%s %s was told the position %s, where it is not", a.Meta.AggregateID, a.Meta.CommandID, a.position))
		}
	}
	return out
}
