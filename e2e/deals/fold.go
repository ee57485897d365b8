package deals

import (
	"context"
	"fmt"
	"strings"

	"recount/domain/bank/account"
	"recount/domain/shop/inventory"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// Log is what the logs of the bank and the shop say, folded from their first records.
type Log struct {
	contexts map[string]es.Context
	states   map[Key]any
	versions map[Key]int64
	events   map[es.ID]bool
	// moved is what the sagas moved, by the process that asked for it; paidIn what came from outside, by currency.
	moved  map[string][]movement
	paidIn map[string]int64
	// received is what came in of each article; below are the versions of articles that promise what is not there.
	received map[string]int64
	below    []error
}

// Key names an aggregate.
type Key struct{ Context, Aggregate, ID string }

// movement is one entry in an account that a saga asked for.
type movement struct {
	account  string
	currency string
	amount   int64 // signed
	channel  string
}

// NewLog returns an empty one.
func NewLog(contexts []es.Context) *Log {
	l := &Log{
		contexts: map[string]es.Context{}, states: map[Key]any{}, versions: map[Key]int64{}, events: map[es.ID]bool{},
		moved: map[string][]movement{}, paidIn: map[string]int64{}, received: map[string]int64{},
	}
	for _, c := range contexts {
		l.contexts[c.Name] = c
	}
	return l
}

// Fold folds every event that is committed. That an event is missing or there twice is an error.
func Fold(ctx context.Context, cfg kafka.Config, codec *serde.Codec, contexts []es.Context) (*Log, error) {
	l := NewLog(contexts)
	for name := range l.contexts {
		topic := name + kafka.EventsSuffix
		extents, err := kafka.Extents(ctx, cfg, topic)
		if err != nil {
			return nil, err
		}
		var spans []kafka.Span
		for n, e := range extents[topic] {
			spans = append(spans, kafka.Span{Topic: topic, Partition: n, From: e.Start, Until: e.Stable})
		}
		err = kafka.Replay(ctx, cfg, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
			for _, r := range records {
				recorded, err := codec.Recorded(name, es.FromEvents, r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, []engine.Header(nil))
				if err == nil {
					err = l.Add(recorded)
				}
				if err != nil {
					return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Add folds one event.
func (l *Log) Add(r es.Recorded) error {
	key := Key{r.Context, r.Aggregate, r.Meta.AggregateID}
	a, ok := l.contexts[r.Context].Aggregate(r.Aggregate)
	switch {
	case !ok:
		return fmt.Errorf("nobody declares %v", key)
	case l.events[r.Meta.EventID]:
		return fmt.Errorf("event %s: %w", r.Meta.EventID, ErrTwice)
	case r.Meta.Version != l.versions[key]+1:
		return fmt.Errorf("version %d of %v follows %d: %w", r.Meta.Version, key, l.versions[key], ErrDiffer)
	}
	before, known := l.states[key]
	if !known {
		before = a.Zero()
	}
	after := a.Evolve(before, r.Event)
	l.states[key], l.versions[key], l.events[r.Meta.EventID] = after, r.Meta.Version, true
	if was, isAccount := before.(account.Account); isAccount {
		l.move(r, was, after.(account.Account))
	}
	switch e := r.Event.(type) {
	case inventory.StockReceived:
		l.received[key.ID] += e.Quantity
	case inventory.StockAdjusted:
		l.received[key.ID] += e.Difference
	}
	l.watchStock(key, r.Meta.Version, after)
	return nil
}

// move notes who asked for what an event moved: a saga's commands have its process as their actor.
func (l *Log) move(r es.Recorded, before, after account.Account) {
	if after.Balance == before.Balance {
		return
	}
	m := movement{account: r.Meta.AggregateID, currency: after.Currency, amount: after.Balance - before.Balance}
	switch e := r.Event.(type) {
	case account.FundsDeposited:
		m.channel = e.Channel
	case account.FundsWithdrawn:
		m.channel = e.Channel
	case account.FundsCaptured:
		m.channel = e.Channel
	}
	if !strings.HasPrefix(r.Meta.Actor, Bank+"/") && !strings.HasPrefix(r.Meta.Actor, Shop+"/") {
		l.paidIn[m.currency] += m.amount
		return
	}
	l.moved[r.Meta.Actor] = append(l.moved[r.Meta.Actor], m)
}

// all yields the aggregates of a type, and what they are.
func all[S any](l *Log, aggregate string) func(yield func(Key, S) bool) {
	return func(yield func(Key, S) bool) {
		for key, state := range l.states {
			if s, ok := state.(S); ok && key.Aggregate == aggregate && !yield(key, s) {
				return
			}
		}
	}
}

// faultsMax is how many faults of a kind are told: one is enough to know.
const faultsMax = 5

// faults collects some of what is wrong.
type faults struct{ found []error }

func (f *faults) add(cause error, format string, args ...any) {
	if len(f.found) < faultsMax {
		f.found = append(f.found, fmt.Errorf(format+": %w", append(args, cause)...))
	}
}
