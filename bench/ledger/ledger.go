// Package ledger checks what a contender wrote, before its time counts.
//
// It reads the topic of events from its beginning, committed records alone, and folds them: every command must have
// left its one event, in its account's partition and under its key, versions and sources must rise one after another,
// and every account must come to the balance and the version that the workload says. It trusts no count of anybody's.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"recount/bench/workload"
	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
)

// Check is what to check.
type Check struct {
	// Address is the broker's; Commands and Events are topics.
	Address, Commands, Events string
	Codec                     *serde.Codec
	Workload                  *workload.Workload
	// Chain says that every event must carry the link to the one before it.
	Chain bool
}

// Totals are what was found.
type Totals struct {
	Events int
	// Bytes is the size of all values.
	Bytes int64
}

// Run checks, and returns the first fault it meets. Without an error everything is as it must be.
func (c Check) Run(ctx context.Context) (Totals, error) {
	totals, accounts, err := c.fold(ctx)
	if err == nil {
		err = c.balance(totals, accounts)
	}
	if err != nil {
		return totals, fmt.Errorf("ledger: %w", err)
	}
	return totals, nil
}

// fold folds the whole topic, on all cores.
func (c Check) fold(ctx context.Context) (totals Totals, accounts []folded, err error) {
	spans, err := Spans(ctx, c.Address, c.Events)
	if err != nil {
		return totals, nil, err
	}
	schemas, err := fingerprints(c.Codec)
	if err != nil {
		return totals, nil, err
	}
	accounts = make([]folded, c.Workload.Accounts) // each is one partition's alone, which is checked before it is touched
	parts := make([]part, len(spans))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, span := range spans {
		p := &parts[i]
		*p = part{check: c, codec: c.Codec.Context("bank"), schemas: schemas, number: span.Partition, accounts: accounts, source: -1}
		g.Go(func() error {
			return kafka.Replay(ctx, kafka.Config{Brokers: []string{c.Address}}, []kafka.Span{span}, p.take)
		})
	}
	err = g.Wait()
	for i := range parts {
		totals.Events += parts[i].totals.Events
		totals.Bytes += parts[i].totals.Bytes
	}
	return totals, accounts, err
}

// folded is an account as its events tell.
type folded struct {
	state   account.Account
	version int64
	chain   es.Hash
}

// faultsMax bounds how many accounts a message names.
const faultsMax = 5

// balance compares the accounts with what they must have come to.
func (c Check) balance(totals Totals, accounts []folded) error {
	var faults []error
	if totals.Events != c.Workload.Commands {
		faults = append(faults, fmt.Errorf("%d commands left %d events", c.Workload.Commands, totals.Events))
	}
	for n, want := range c.Workload.Expected {
		got := workload.Account{Balance: accounts[n].state.Balance, Version: accounts[n].version}
		if got != want && len(faults) < faultsMax {
			faults = append(faults, fmt.Errorf("%s has a balance of %d at version %d, it must be %d at version %d",
				workload.AccountID(n), got.Balance, got.Version, want.Balance, want.Version))
		}
	}
	return errors.Join(faults...)
}

// part is one partition being folded.
type part struct {
	check    Check
	codec    engine.Codec
	schemas  map[[serde.HeaderBytes]byte]es.Hash
	number   int32
	accounts []folded
	source   int64 // of the last event: the offset of its command
	totals   Totals
}

func (p *part) take(_ kafka.Span, records []*kafka.Record, _ int64) error {
	for _, r := range records {
		if err := p.fold(r); err != nil {
			return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
		p.totals.Events++
		p.totals.Bytes += int64(len(r.Value))
	}
	return nil
}

func (p *part) fold(r *kafka.Record) error {
	e, err := p.codec.DecodeEvent(r.Value)
	if err != nil {
		return err
	}
	m := &e.Meta
	n, ok := workload.AccountNumber(m.AggregateID)
	if !ok || n >= len(p.accounts) {
		return fmt.Errorf("there is no account %q", m.AggregateID)
	}
	if err := p.place(r, m); err != nil {
		return err
	}
	a := &p.accounts[n]
	if m.Version != a.version+1 {
		return fmt.Errorf("%s is at version %d, the next event is version %d", m.AggregateID, a.version, m.Version)
	}
	body, ok := e.Body.(account.Event)
	if !ok {
		return fmt.Errorf("%T is no event of an account", e.Body)
	}
	a.version, a.state = m.Version, a.state.Evolve(body)
	if told, tells := balanceAfter(body); tells && told != a.state.Balance {
		return fmt.Errorf("%s has %d, its event says %d", m.AggregateID, a.state.Balance, told)
	}
	if p.check.Chain {
		return p.link(a, r.Value, m.Chain)
	}
	return nil
}

// place checks where an event stands and which command it came from: as sources only rise, no command has left two.
func (p *part) place(r *kafka.Record, m *es.Meta) error {
	if home := partition.Of(m.AggregateID, p.check.Workload.Partitions); home != r.Partition {
		return fmt.Errorf("%s belongs to partition %d", m.AggregateID, home)
	}
	if want := workload.EventKey(m.AggregateID, m.Version); string(r.Key) != want {
		return fmt.Errorf("the key is %q, not %q", r.Key, want)
	}
	if m.Source.Topic != p.check.Commands || m.Source.Partition != p.number {
		return fmt.Errorf("it comes from %s/%d", m.Source.Topic, m.Source.Partition)
	}
	if m.Source.Offset <= p.source {
		return fmt.Errorf("it comes from offset %d, after the event of offset %d", m.Source.Offset, p.source)
	}
	p.source = m.Source.Offset
	return nil
}

func (p *part) link(a *folded, frame []byte, chain es.Hash) error {
	want := engine.Link(a.chain, p.schemas[[serde.HeaderBytes]byte(frame)], frame[serde.HeaderBytes:])
	if chain != want {
		return fmt.Errorf("the chain is broken at version %d: %v, not %v", a.version, chain, want)
	}
	a.chain = chain
	return nil
}

func balanceAfter(e account.Event) (balance int64, tells bool) {
	switch e := e.(type) {
	case account.FundsDeposited:
		return e.BalanceAfter, true
	case account.FundsWithdrawn:
		return e.BalanceAfter, true
	case account.FundsReserved:
		return e.BalanceAfter, true
	case account.FundsCaptured:
		return e.BalanceAfter, true
	case account.FundsReleased:
		return e.BalanceAfter, true
	case account.AccountFrozen:
		return e.BalanceAfter, true
	case account.AccountUnfrozen:
		return e.BalanceAfter, true
	case account.AccountOpened, account.AccountClosed:
	}
	return 0, false
}

// fingerprints returns the fingerprint of each event's schema, by the header its frames begin with.
func fingerprints(codec *serde.Codec) (map[[serde.HeaderBytes]byte]es.Hash, error) {
	out := map[[serde.HeaderBytes]byte]es.Hash{}
	for name, event := range account.Type().EventTypes() {
		frame, _, fingerprint, err := codec.Context("bank").AppendEvent(nil, account.Type(), &es.Meta{}, event)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[[serde.HeaderBytes]byte(frame)] = fingerprint
	}
	return out, nil
}
