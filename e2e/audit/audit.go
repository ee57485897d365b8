// Package audit compares a log, record by record, with what a script says must be in it: nothing lost, nothing there
// twice, nothing out of order, nothing altered, nothing by a writer whose time was over.
//
// It is given records in the order of their partitions, and knows neither brokers nor clocks: what it finds depends on
// the records alone.
package audit

import (
	"errors"
	"fmt"
	"slices"

	"recount/domain/bank/account"
	"recount/e2e/script"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// What an audit can find.
var (
	// ErrLost: what must be there is not.
	ErrLost = errors.New("lost")
	// ErrDoubled: it is there twice.
	ErrDoubled = errors.New("there twice")
	// ErrDisorder: a version does not follow the one before.
	ErrDisorder = errors.New("out of order")
	// ErrAltered: the chain over an account's events does not hold.
	ErrAltered = errors.New("the chain is broken")
	// ErrWrong: something else is there than a serial execution would have left.
	ErrWrong = errors.New("wrong")
	// ErrZombie: a transaction had records in a partition after another had taken its place.
	ErrZombie = errors.New("written by a zombie")
)

// Record is one record of the log.
type Record struct {
	Partition int32
	Offset    int64
	// ProducerID and ProducerEpoch name the transaction it was written in: a broker from 4.0 on raises the epoch with each.
	ProducerID    int64
	ProducerEpoch int16
	Key, Value    []byte
	// Origin is, of a dead letter, where it came from.
	Origin string
}

// Audit takes the records of one context's outputs.
type Audit struct {
	codec      *serde.Codec
	bank       engine.Codec
	want       *script.Expected
	partitions int32

	accounts    map[string]*found
	events      map[es.ID]bool
	deadLetters map[string][]string // their origins, by their bytes
	writers     map[place]*writers
	faults      []error
	silent      int // faults that are counted alone

	lost, twice, others int
}

// found is what the log has of one account.
type found struct {
	version  int64
	chain    es.Hash
	state    account.Account
	refusals int
}

const faultsMax = 20

// New begins an audit.
func New(codec *serde.Codec, partitions int32, want *script.Expected) *Audit {
	return &Audit{
		codec: codec, bank: codec.Context("bank"), want: want, partitions: partitions,
		accounts: map[string]*found{}, events: map[es.ID]bool{}, deadLetters: map[string][]string{}, writers: map[place]*writers{},
	}
}

// Event takes the next record of a partition of the events.
func (a *Audit) Event(r Record) {
	a.note("events", r, a.writer("events", r))
	e, err := a.bank.DecodeEvent(r.Value)
	if err != nil {
		a.note("events", r, fmt.Errorf("%w: %w", ErrWrong, err))
		return
	}
	f := a.account(e.Meta.AggregateID)
	a.note("events", r, a.placed(&e, r))
	a.note("events", r, a.chained(f, &e, r.Value))
	a.note("events", r, a.event(f, &e))
}

// placed checks that an event is the only one of its ID, and where it belongs.
func (a *Audit) placed(e *engine.Event, r Record) error {
	m := &e.Meta
	if a.events[m.EventID] {
		return fmt.Errorf("event %s: %w", m.EventID, ErrDoubled)
	}
	a.events[m.EventID] = true
	if home := partition.Of(m.AggregateID, a.partitions); home != r.Partition {
		return fmt.Errorf("%s belongs to partition %d: %w", m.AggregateID, home, ErrWrong)
	}
	if key := fmt.Sprintf("account/%s/%d", m.AggregateID, m.Version); key != string(r.Key) {
		return fmt.Errorf("its key is not %s: %w", key, ErrWrong)
	}
	return nil
}

func (a *Audit) chained(f *found, e *engine.Event, frame []byte) error {
	schema, err := a.codec.Fingerprint(frame)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	link := engine.Link(f.chain, schema, frame[serde.HeaderBytes:])
	f.chain = e.Meta.Chain // from here on it may hold again: one fault is told once
	if link != e.Meta.Chain {
		return fmt.Errorf("%s version %d: %w", e.Meta.AggregateID, e.Meta.Version, ErrAltered)
	}
	return nil
}

// event checks that it is what comes next, and evolves the account.
func (a *Audit) event(f *found, e *engine.Event) error {
	m := &e.Meta
	next := f.version + 1
	switch {
	case m.Version > next:
		f.version = m.Version
		return fmt.Errorf("%s: version %d where %d comes next: %w", m.AggregateID, m.Version, next, ErrDisorder)
	case m.Version < next:
		return fmt.Errorf("%s: version %d after version %d: %w", m.AggregateID, m.Version, f.version, ErrDisorder)
	}
	f.version = m.Version
	body, ok := e.Body.(account.Event)
	if ok {
		f.state = f.state.Evolve(body)
	}
	all := a.want.Events[m.AggregateID]
	if m.Version > int64(len(all)) {
		return fmt.Errorf("%s: version %d (command %s), the last is %d: %w", m.AggregateID, m.Version, m.CommandID, len(all), ErrWrong)
	}
	if want := all[m.Version-1]; want.CommandID != m.CommandID || want.Body != body {
		return fmt.Errorf("%s: version %d is %+v of command %s, not %+v of %s: %w", m.AggregateID, m.Version, body, m.CommandID, want.Body, want.CommandID, ErrWrong)
	}
	return nil
}

// Refusal takes the next record of a partition of the refusals.
func (a *Audit) Refusal(r Record) {
	a.note("refusals", r, a.writer("refusals", r))
	meta, why, _, err := a.bank.DecodeRefusal(r.Value)
	if err != nil {
		a.note("refusals", r, fmt.Errorf("%w: %w", ErrWrong, err))
		return
	}
	f := a.account(meta.AggregateID)
	all, n := a.want.Refusals[meta.AggregateID], f.refusals
	got := script.Refusal{CommandID: meta.CommandID, Outcome: why.Outcome, Code: why.Code, Version: meta.Version}
	f.refusals++
	switch {
	case n < len(all) && all[n] == got:
	case slices.Contains(all[:min(n, len(all))], got):
		a.note("refusals", r, fmt.Errorf("%s %+v: %w", meta.AggregateID, got, ErrDoubled))
		f.refusals--
	case slices.Contains(all[min(n, len(all)):], got):
		a.note("refusals", r, fmt.Errorf("%s: %+v where %+v comes next: %w", meta.AggregateID, got, all[n], ErrDisorder))
		f.refusals = slices.Index(all, got) + 1
	default:
		a.note("refusals", r, fmt.Errorf("%s %+v: %w", meta.AggregateID, got, ErrWrong))
		f.refusals--
	}
}

// DeadLetter takes the next record of a partition of the dead letters.
func (a *Audit) DeadLetter(r Record) {
	a.note("dead-letters", r, a.writer("dead-letters", r))
	got := append(a.deadLetters[string(r.Value)], r.Origin)
	a.deadLetters[string(r.Value)] = got
	switch want := a.want.DeadLetters[string(r.Value)]; {
	case want == 0:
		a.note("dead-letters", r, fmt.Errorf("%.40q from %s: %w", r.Value, r.Origin, ErrWrong))
	case len(got) > want:
		a.note("dead-letters", r, fmt.Errorf("%.40q from %v: %w", r.Value, got, ErrDoubled))
	}
}

func (a *Audit) account(id string) *found {
	f := a.accounts[id]
	if f == nil {
		f = &found{}
		a.accounts[id] = f
	}
	return f
}

func (a *Audit) note(topic string, r Record, err error) {
	if err != nil {
		a.fault(fmt.Errorf("%s/%d@%d: %w", topic, r.Partition, r.Offset, err))
	}
}

func (a *Audit) fault(err error) {
	switch {
	case errors.Is(err, ErrLost):
		a.lost++
	case errors.Is(err, ErrDoubled):
		a.twice++
	default:
		a.others++
	}
	if len(a.faults) == faultsMax {
		a.silent++
		return
	}
	a.faults = append(a.faults, err)
}
