package acceptance_test

import (
	"context"
	"errors"
	"fmt"

	"recount/cmd/internal/role"
	"recount/domain/bank/account"
	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
)

// What an audit can find.
var (
	errLost    = errors.New("lost")
	errDoubled = errors.New("doubled")
	errWrong   = errors.New("wrong")
)

// ledger is what the log says, folded here from its first record.
type ledger struct {
	events, refusals int64
	versions         map[aggregateKey]int64
	accounts         map[string]account.Account
	outcomes         map[commandKey]bool
	totals           map[totalKey]total
}

type aggregateKey struct{ aggregate, id string }

// foldLog folds every event and refusal there is. That an event is missing or there twice is an error.
func foldLog(ctx context.Context, f *role.Foundation) (*ledger, error) {
	l := &ledger{versions: map[aggregateKey]int64{}, accounts: map[string]account.Account{}, outcomes: map[commandKey]bool{}, totals: map[totalKey]total{}}
	events, refusals := "bank"+kafka.EventsSuffix, "bank"+kafka.RefusalsSuffix
	extents, err := kafka.Extents(ctx, f.Kafka, events, refusals)
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
	err = kafka.Replay(ctx, f.Kafka, spans, func(s kafka.Span, records []*kafka.Record, _ int64) error {
		stream := map[string]es.Stream{events: es.FromEvents, refusals: es.FromRefusals}[s.Topic]
		for _, r := range records {
			recorded, err := f.Codec.Recorded("bank", stream, r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, []engine.Header(nil))
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

func (l *ledger) add(r es.Recorded, seen map[es.ID]bool) error {
	l.outcomes[commandKey{r.Aggregate, r.Meta.AggregateID, r.Meta.CommandID}] = true
	if r.Refusal != nil {
		l.refusals++
		return nil
	}
	l.events++
	if seen[r.Meta.EventID] {
		return fmt.Errorf("event %s: %w", r.Meta.EventID, errDoubled)
	}
	seen[r.Meta.EventID] = true
	key := aggregateKey{r.Aggregate, r.Meta.AggregateID}
	if want := l.versions[key] + 1; r.Meta.Version != want {
		return fmt.Errorf("version %d of %v where %d comes next: %w", r.Meta.Version, key, want, errWrong)
	}
	l.versions[key] = r.Meta.Version
	if e, ok := r.Event.(account.Event); ok {
		before := l.accounts[key.id]
		l.accounts[key.id] = before.Evolve(e)
		l.addTotal(r, l.accounts[key.id].Currency, l.accounts[key.id].Balance-before.Balance)
	}
	return nil
}

// audit compares what was sent with what the log says, and that with the views. Nothing must be lost, nothing doubled.
func audit(ctx context.Context, f *role.Foundation, db *clickhouse.DB, sent map[commandKey]bool) error {
	l, err := foldLog(ctx, f)
	if err != nil {
		return err
	}
	var faults []error
	for key := range sent {
		if !l.outcomes[key] {
			faults = append(faults, fmt.Errorf("command %v has no outcome: %w", key, errLost))
			break // one is enough to know
		}
	}
	if len(l.outcomes) > len(sent) {
		faults = append(faults, fmt.Errorf("%d commands have an outcome, %d were sent: %w", len(l.outcomes), len(sent), errWrong))
	}
	return errors.Join(append(faults, l.compareRows(ctx, db), l.compareAccounts(ctx, db), l.compareTotals(ctx, db))...)
}

// compareRows counts the rows of the views that have one a record, and what makes them different from each other.
func (l *ledger) compareRows(ctx context.Context, db *clickhouse.DB) error {
	moves := int64(0)
	for key, version := range l.versions {
		if key.aggregate == "account" {
			moves += version
		}
	}
	var faults []error
	for _, q := range []struct {
		view, distinct string
		want           int64
	}{
		{"events", "event_id", l.events},
		{"events", "context, aggregate, aggregate_id, version", l.events},
		{"events", "context, partition, offset", l.events},
		{"account_history", "account_id, version", moves},
		{"refusals", "context, partition, offset", l.refusals},
		{"refusals", "source_topic, source_partition, source_offset", l.refusals},
		{"dead_letters", "context, partition, offset", 0},
	} {
		var rows, distinct int64
		if err := db.Row(ctx, "SELECT toInt64(count()), toInt64(uniqExact("+q.distinct+")) FROM "+q.view).Scan(&rows, &distinct); err != nil {
			return fmt.Errorf("counting the rows of %s: %w", q.view, err)
		}
		if rows > distinct {
			faults = append(faults, fmt.Errorf("%s has %d rows of %d different (%s): %w", q.view, rows, distinct, q.distinct, errDoubled))
		}
		if distinct < q.want {
			faults = append(faults, fmt.Errorf("%s has %d different (%s) of %d: %w", q.view, distinct, q.distinct, q.want, errLost))
		}
		if distinct > q.want {
			faults = append(faults, fmt.Errorf("%s has %d different (%s), the log has %d: %w", q.view, distinct, q.distinct, q.want, errWrong))
		}
	}
	return errors.Join(faults...)
}

// compareAccounts compares every account's newest state, and the sum of its history, with the fold.
func (l *ledger) compareAccounts(ctx context.Context, db *clickhouse.DB) error {
	var rows []struct {
		ID      string `ch:"account_id"`
		Balance int64  `ch:"balance"`
		Status  string `ch:"status"`
		Version uint64 `ch:"version"`
		Moved   int64  `ch:"moved"`
	}
	err := db.Select(ctx, &rows, `SELECT b.account_id AS account_id, b.balance AS balance, b.status AS status, b.version AS version, h.moved AS moved
		FROM account_balances AS b LEFT JOIN (SELECT account_id, sum(amount) AS moved FROM account_history GROUP BY account_id) AS h
		ON h.account_id = b.account_id`)
	if err != nil {
		return fmt.Errorf("asking for the accounts: %w", err)
	}
	faults := []error{}
	if len(rows) < len(l.accounts) {
		faults = append(faults, fmt.Errorf("%d of %d accounts are there: %w", len(rows), len(l.accounts), errLost))
	}
	for _, r := range rows {
		a, version := l.accounts[r.ID], l.versions[aggregateKey{"account", r.ID}]
		if r.Balance != a.Balance || r.Status != string(a.Status) || r.Version != uint64(version) {
			faults = append(faults, fmt.Errorf("account %s is %s with %d at version %d, by the log %s with %d at %d: %w",
				r.ID, r.Status, r.Balance, r.Version, a.Status, a.Balance, version, errWrong))
		}
		if r.Moved != a.Balance {
			faults = append(faults, fmt.Errorf("account %s moved %d, by the log %d: %w", r.ID, r.Moved, a.Balance, errWrong))
		}
		if len(faults) > 5 {
			break
		}
	}
	return errors.Join(faults...)
}
