// Package bankday makes up a bank's month for the demo: a stream of commands as a real bank's clients would send them,
// mistakes included. The same seed gives the same bytes.
//
// It only writes command lines. Nothing of what becomes of them is known here.
package bankday

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"time"
)

// Month is a made-up month.
type Month struct {
	// Seed decides everything.
	Seed uint64
	// Commands is how many lines to write.
	Commands int
}

// Shares of the commands, in thousandths; what is left over deposits and withdraws.
const (
	retries       = 30 // the same line again, a moment later
	reusedIDs     = 1  // a known command ID with another body
	staleVersions = 10 // an expected version that has passed
	backDated     = 30 // valid up to ten days before it is sent
	wrongCurrency = 4
	freezes       = 1
	unfreezes     = 20 // a frozen account does not stay so for long
	notPositive   = 2
	overdrafts    = 25 // a withdrawal of more than any account has
	closes        = 1
)

const (
	commandsPerAccount = 100
	accountsPerPerson  = 2
	zipfExponent       = 1.1
	recentLines        = 64 // how far back a retry reaches
)

// Span returns the first moment of the month and the first after it.
func Span() (from, until time.Time) {
	return time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
}

type line struct {
	Type            string         `json:"type"`
	ID              string         `json:"id"`
	CommandID       string         `json:"command_id"`
	ExpectedVersion *int64         `json:"expected_version,omitempty"`
	ValidAt         string         `json:"valid_at"`
	Data            map[string]any `json:"data"`
}

type writer struct {
	m       Month
	rng     *rand.Rand
	zipf    *rand.Zipf
	out     *json.Encoder
	n       int
	recent  []line
	persons int
	total   int // accounts
}

// WriteLines writes the month as NDJSON command lines.
func (m Month) WriteLines(to io.Writer) error {
	buffered := bufio.NewWriterSize(to, 1<<20)
	w := &writer{m: m, rng: rand.New(rand.NewPCG(m.Seed, m.Seed)), out: json.NewEncoder(buffered)}
	w.total = max(2, m.Commands/commandsPerAccount)
	w.persons = max(1, w.total/accountsPerPerson)
	w.zipf = rand.NewZipf(w.rng, zipfExponent, 1, uint64(w.total-1))
	if err := w.write(); err != nil {
		return fmt.Errorf("writing the month: %w", err)
	}
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("writing the month: %w", err)
	}
	return nil
}

func (w *writer) write() error {
	for p := range w.persons {
		if err := w.put(w.register(p)); err != nil {
			return err
		}
	}
	for a := range w.total {
		if err := w.put(w.open(a)); err != nil {
			return err
		}
	}
	for w.n < w.m.Commands {
		if err := w.put(w.next()); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) put(l line) error {
	if w.n >= w.m.Commands {
		return nil
	}
	w.n++
	if len(w.recent) < recentLines {
		w.recent = append(w.recent, l)
	} else {
		w.recent[w.n%recentLines] = l
	}
	return w.out.Encode(l)
}

// now is the moment of the month the writer has come to.
func (w *writer) now() time.Time {
	start, end := Span()
	return start.Add(time.Duration(float64(end.Sub(start)) * float64(w.n) / float64(w.m.Commands))).Truncate(time.Millisecond)
}

func (w *writer) line(kind, id string, data map[string]any) line {
	return line{Type: "bank." + kind, ID: id, CommandID: fmt.Sprintf("day-%d-%d", w.m.Seed, w.n), ValidAt: w.now().Format(time.RFC3339Nano), Data: data}
}

func person(n int) string { return fmt.Sprintf("cust-%05d", n) }

func account(n int) string { return fmt.Sprintf("acct-%06d", n) }

func (w *writer) register(p int) line {
	return w.line("customer.register", person(p), map[string]any{
		"name":  pick(w.rng, givenNames) + " " + pick(w.rng, familyNames),
		"email": person(p) + "@example.org",
		"address": map[string]any{
			"street": fmt.Sprintf("%d %s", 1+w.rng.IntN(200), pick(w.rng, streets)), "city": pick(w.rng, cities),
			"postal_code": fmt.Sprintf("%05d", w.rng.IntN(100_000)), "country": "DE",
		},
	})
}

func (w *writer) open(a int) line {
	limit := int64(0)
	if w.rng.IntN(4) == 0 {
		limit = 50_000
	}
	return w.line("account.open", account(a), map[string]any{"customer_id": person(a % w.persons), "currency": "EUR", "overdraft_limit": limit})
}

// next makes up one command on one of the accounts, few of which have most of the traffic.
func (w *writer) next() line {
	id := account(int(w.zipf.Uint64()))
	roll := w.rng.IntN(1000)
	below := func(share int) bool { roll -= share; return roll < 0 }
	switch {
	case below(retries):
		return pick(w.rng, w.recent)
	case below(reusedIDs):
		l := w.movement(id, "deposit")
		l.CommandID = pick(w.rng, w.recent).CommandID
		return l
	case below(staleVersions):
		l := w.movement(id, "deposit")
		stale := int64(1)
		l.ExpectedVersion = &stale
		return l
	case below(backDated):
		l := w.movement(id, "deposit")
		l.ValidAt = w.now().Add(-time.Duration(w.rng.Int64N(int64(10 * 24 * time.Hour)))).Truncate(time.Millisecond).Format(time.RFC3339Nano)
		l.Data["reference"] = "correction"
		return l
	case below(wrongCurrency):
		l := w.movement(id, "deposit")
		l.Data["currency"] = "USD"
		return l
	case below(freezes):
		return w.line("account.freeze", id, map[string]any{"reason": "suspicious activity"})
	case below(unfreezes):
		return w.line("account.unfreeze", id, map[string]any{})
	case below(notPositive):
		l := w.movement(id, "withdraw")
		l.Data["amount"] = -l.Data["amount"].(int64)
		return l
	case below(overdrafts):
		l := w.movement(id, "withdraw")
		l.Data["amount"] = int64(1_000_000_000_00)
		return l
	case below(closes):
		return w.line("account.close", account(w.total/2+w.rng.IntN((w.total+1)/2)), map[string]any{})
	case w.rng.IntN(2) == 0:
		return w.movement(id, "withdraw")
	}
	return w.movement(id, "deposit")
}

func (w *writer) movement(id, kind string) line {
	references := incomes
	amount := int64(1_000 + w.rng.IntN(200_000))
	if kind == "withdraw" {
		references, amount = expenses, amount/2
	}
	return w.line("account."+kind, id, map[string]any{"amount": amount, "currency": "EUR", "reference": pick(w.rng, references)})
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
