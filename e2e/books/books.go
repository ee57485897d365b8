// Package books compares what views in ClickHouse show of a bank with the fold of its log: as many rows as there are
// records, none of them twice, each account as its events leave it, and the totals that inserts keep.
//
// It only reads, and waits for nothing: who calls it sees to it that all is decided and every view has caught up.
package books

import (
	"context"
	"errors"
	"fmt"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// What a comparison can find.
var (
	ErrLost    = errors.New("lost")
	ErrDoubled = errors.New("doubled")
	ErrWrong   = errors.New("wrong")
)

// Ledger is what the log says of a bank, folded from its first record.
type Ledger struct {
	// Outcomes are the commands that have one.
	Outcomes map[Command]bool

	events, refusals, deadLetters int64
	versions                      map[aggregateKey]int64
	accounts                      map[string]account.Account
	totals                        map[totalKey]total
}

// Command is what a command is known by: its ID, within its aggregate.
type Command struct{ Aggregate, ID, Command string }

type aggregateKey struct{ aggregate, id string }

// Fold folds every event and refusal that is committed. That an event is missing or there twice is an error.
func Fold(ctx context.Context, cfg kafka.Config, codec *serde.Codec) (*Ledger, error) {
	l := &Ledger{versions: map[aggregateKey]int64{}, accounts: map[string]account.Account{}, Outcomes: map[Command]bool{}, totals: map[totalKey]total{}}
	events, refusals, deadLetters := "bank"+kafka.EventsSuffix, "bank"+kafka.RefusalsSuffix, "bank"+kafka.DeadLettersSuffix
	extents, err := kafka.Extents(ctx, cfg, events, refusals, deadLetters)
	if err != nil {
		return nil, err
	}
	var spans []kafka.Span
	for topic, partitions := range extents {
		for n, e := range partitions {
			spans = append(spans, kafka.Span{Topic: topic, Partition: n, From: e.Start, Until: e.Stable})
		}
	}
	seen := map[es.ID]bool{}
	err = kafka.Replay(ctx, cfg, spans, func(s kafka.Span, records []*kafka.Record, _ int64) error {
		if s.Topic == deadLetters {
			l.deadLetters += int64(len(records))
			return nil
		}
		stream := map[string]es.Stream{events: es.FromEvents, refusals: es.FromRefusals}[s.Topic]
		for _, r := range records {
			recorded, err := codec.Recorded("bank", stream, r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, []engine.Header(nil))
			if err != nil {
				return err
			}
			if err := l.add(recorded, seen); err != nil {
				return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
		return nil
	})
	return l, err
}

func (l *Ledger) add(r es.Recorded, seen map[es.ID]bool) error {
	l.Outcomes[Command{r.Aggregate, r.Meta.AggregateID, r.Meta.CommandID}] = true
	if r.Refusal != nil {
		l.refusals++
		return nil
	}
	l.events++
	if seen[r.Meta.EventID] {
		return fmt.Errorf("event %s: %w", r.Meta.EventID, ErrDoubled)
	}
	seen[r.Meta.EventID] = true
	key := aggregateKey{r.Aggregate, r.Meta.AggregateID}
	if want := l.versions[key] + 1; r.Meta.Version != want {
		return fmt.Errorf("version %d of %v where %d comes next: %w", r.Meta.Version, key, want, ErrWrong)
	}
	l.versions[key] = r.Meta.Version
	if e, ok := r.Event.(account.Event); ok {
		before := l.accounts[key.id]
		l.accounts[key.id] = before.Evolve(e)
		l.addTotal(r, l.accounts[key.id].Currency, l.accounts[key.id].Balance-before.Balance)
	}
	return nil
}
