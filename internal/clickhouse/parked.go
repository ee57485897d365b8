package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Fate is what became of an event that a view could not take. Its strings are in the database for ever.
type Fate string

// The fates of a parked event.
const (
	// Parked waits: the event could not be mapped, or stands behind one of its aggregate that could not.
	Parked Fate = "parked"
	// Released is in the view by now.
	Released Fate = "released"
	// Discarded will never be: somebody has decided so.
	Discarded Fate = "discarded"
)

// ParkedEvent is an event that a generation of a view has not taken at its place in the log. Times are Unix milliseconds.
type ParkedEvent struct {
	View       string
	Generation int
	Context    string
	Partition  int32
	Offset     int64
	// Change counts what became of it, from 0. Of several rows of one event the highest counts.
	Change int
	Fate   Fate
	// Stream is that of the context where the event stands.
	Stream      string
	Aggregate   string
	AggregateID string
	Version     int64
	Type        string
	// Cause is why it could not be mapped; empty: it waits behind one that could not.
	Cause string
	// Key and Value are as they stand in the log, where there is a cause.
	Key, Value []byte
	RecordedAt int64
	// Attempt names the release that last tried it.
	Attempt string
	// Actor had it released or discarded, and told why, at DecidedAt.
	Actor, Why string
	DecidedAt  int64
	// Changed is when this was written, by the server's clock.
	Changed time.Time
}

// Park writes down what became of events, and returns when it is there. Written again, it comes to the same. Errors that
// may pass are retried for as long as patience says; then the error is ErrUnavailable.
func (db *DB) Park(ctx context.Context, attempt Attempt, patience time.Duration, events ...ParkedEvent) error {
	if len(events) == 0 {
		return nil
	}
	trying, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := db.cfg.again(trying, func() (failed error) {
		return errors.Join(attempt(func() error { failed = db.park(trying, events); return nil }), failed)
	})
	switch {
	case err == nil:
		return nil
	case transient(err) || context.Cause(trying) != nil:
		err = fmt.Errorf("%w within %v: %w%s", ErrUnavailable, patience, err, advice(err))
	default:
		err = explain(err)
	}
	return fmt.Errorf("writing down parked events of view %s: %w", events[0].View, err)
}

func (db *DB) park(ctx context.Context, events []ParkedEvent) error {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	defer cancel()
	settings := ch.Context(ctx, ch.WithSettings(insertSettings("")), ch.WithColumnNamesAndTypes(parkedColumns()))
	batch, err := db.conn.PrepareBatch(settings, "INSERT INTO parked_rows ("+parkedNames+")")
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // after Send it does nothing
	for _, e := range events {
		err := batch.Append(e.View, uint32(e.Generation), e.Context, e.Partition, e.Offset, uint32(e.Change), string(e.Fate), e.Stream, e.Aggregate,
			e.AggregateID, e.Version, e.Type, e.Cause, string(e.Key), string(e.Value), time.UnixMilli(e.RecordedAt), e.Attempt, e.Actor, e.Why, time.UnixMilli(e.DecidedAt))
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

const parkedNames = "view, generation, context, partition, offset, change, state, stream, aggregate, aggregate_id, version, event_type, cause, key, value, recorded_at, attempt, actor, why, decided_at"

func parkedColumns() []ch.ColumnNameAndType {
	const word, moment = "LowCardinality(String)", "DateTime64(3, 'UTC')"
	return []ch.ColumnNameAndType{
		{Name: "view", Type: word}, {Name: "generation", Type: "UInt32"}, {Name: "context", Type: word}, {Name: "partition", Type: "Int32"},
		{Name: "offset", Type: "Int64"}, {Name: "change", Type: "UInt32"}, {Name: "state", Type: word}, {Name: "stream", Type: word},
		{Name: "aggregate", Type: word}, {Name: "aggregate_id", Type: "String"}, {Name: "version", Type: "Int64"}, {Name: "event_type", Type: word},
		{Name: "cause", Type: "String"}, {Name: "key", Type: "String"}, {Name: "value", Type: "String"}, {Name: "recorded_at", Type: moment},
		{Name: "attempt", Type: "String"}, {Name: "actor", Type: "String"}, {Name: "why", Type: "String"}, {Name: "decided_at", Type: moment},
	}
}

// parkedRow is a row of parked_rows as it is read.
type parkedRow struct {
	View       string    `ch:"view"`
	Generation uint32    `ch:"generation"`
	Context    string    `ch:"context"`
	Partition  int32     `ch:"partition"`
	Offset     int64     `ch:"offset"`
	Change     uint32    `ch:"change"`
	State      string    `ch:"state"`
	Stream     string    `ch:"stream"`
	Aggregate  string    `ch:"aggregate"`
	ID         string    `ch:"aggregate_id"`
	Version    int64     `ch:"version"`
	Type       string    `ch:"event_type"`
	Cause      string    `ch:"cause"`
	Key        string    `ch:"key"`
	Value      string    `ch:"value"`
	RecordedAt time.Time `ch:"recorded_at"`
	Attempt    string    `ch:"attempt"`
	Actor      string    `ch:"actor"`
	Why        string    `ch:"why"`
	DecidedAt  time.Time `ch:"decided_at"`
	Changed    time.Time `ch:"changed_at"`
}

func (r parkedRow) event() ParkedEvent {
	return ParkedEvent{
		View: r.View, Generation: int(r.Generation), Context: r.Context, Partition: r.Partition, Offset: r.Offset, Change: int(r.Change), Fate: Fate(r.State),
		Stream: r.Stream, Aggregate: r.Aggregate, AggregateID: r.ID, Version: r.Version, Type: r.Type, Cause: r.Cause, Key: []byte(r.Key), Value: []byte(r.Value),
		RecordedAt: r.RecordedAt.UnixMilli(), Attempt: r.Attempt, Actor: r.Actor, Why: r.Why, DecidedAt: r.DecidedAt.UnixMilli(), Changed: r.Changed,
	}
}

// ParkedFilter says which parked events are asked for. Empty fields ask for all.
type ParkedFilter struct {
	View       string
	Generation int
	Context    string
	Partition  *int32
	Aggregate  string
	ID         string
	Fate       Fate
	// From leaves out what stands before an offset; Below, if it is above 0, what does not stand before one.
	From, Below int64
	// Limit bounds the number, the first in the log first; 0: all.
	Limit int
}

// condition is what holds for the rows that are asked for.
func (f ParkedFilter) condition() (where string, args []any) {
	where, args = "p.offset >= ?", []any{f.From}
	add := func(is bool, condition string, value any) {
		if is {
			where, args = where+" AND p."+condition, append(args, value)
		}
	}
	add(f.View != "", "view = ?", f.View)
	add(f.Generation != 0, "generation = ?", f.Generation)
	add(f.Context != "", "context = ?", f.Context)
	if f.Partition != nil {
		add(true, "partition = ?", *f.Partition)
	}
	add(f.Aggregate != "", "aggregate = ?", f.Aggregate)
	add(f.ID != "", "aggregate_id = ?", f.ID)
	add(f.Fate != "", "state = ?", string(f.Fate))
	add(f.Below > 0, "offset < ?", f.Below)
	return where, args
}

// ParkedEvents returns what became of events that views could not take, in the order of view, generation and log.
func (db *DB) ParkedEvents(ctx context.Context, f ParkedFilter) ([]ParkedEvent, error) {
	where, args := f.condition()
	query := "SELECT " + parkedNames + ", changed_at FROM parked_rows AS p FINAL WHERE " + where + " ORDER BY view, generation, context, partition, offset"
	if f.Limit > 0 {
		query += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	var rows []parkedRow
	err := db.cfg.again(ctx, func() error { rows = nil; return db.Select(ctx, &rows, query, args...) })
	if err != nil {
		return nil, fmt.Errorf("reading parked events: %w", err)
	}
	out := make([]ParkedEvent, len(rows))
	for i, r := range rows {
		out[i] = r.event()
	}
	return out, nil
}

// ParkedAggregate is an aggregate of which a generation of a view has parked events.
type ParkedAggregate struct {
	View       string    `ch:"view"`
	Generation uint32    `ch:"generation"`
	Context    string    `ch:"context"`
	Partition  int32     `ch:"partition"`
	Aggregate  string    `ch:"aggregate"`
	ID         string    `ch:"aggregate_id"`
	Events     uint64    `ch:"events"`  // that wait, the first among them
	Offset     int64     `ch:"head"`    // of the first
	Version    int64     `ch:"version"` // of the first
	Type       string    `ch:"event_type"`
	Cause      string    `ch:"cause"`
	Attempt    string    `ch:"attempt"`
	Since      time.Time `ch:"since"`
}

// ParkedAggregates returns the aggregates of which events are parked; of a filter, the fate is given and the limit none.
func (db *DB) ParkedAggregates(ctx context.Context, f ParkedFilter) ([]ParkedAggregate, error) {
	f.Fate = Parked
	where, args := f.condition()
	var rows []ParkedAggregate
	err := db.cfg.again(ctx, func() error {
		rows = nil
		return db.Select(ctx, &rows, `SELECT view, generation, context, partition, aggregate, aggregate_id, count() AS events, min(p.offset) AS head,
				argMin(p.version, p.offset) AS version, argMin(p.event_type, p.offset) AS event_type, argMin(p.cause, p.offset) AS cause,
				argMin(p.attempt, p.offset) AS attempt, argMin(p.changed_at, p.offset) AS since
			FROM parked_rows AS p FINAL WHERE `+where+` GROUP BY view, generation, context, partition, aggregate, aggregate_id
			ORDER BY view, generation, context, partition, head`, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("reading which aggregates are parked: %w", err)
	}
	return rows, nil
}

// CopyParked takes over what another generation of the same view has parked below a vector.
func (db *DB) CopyParked(ctx context.Context, from, to Generation, below Vector) error {
	err := db.Exec(withSettings(ctx, insertSettings("")), fmt.Sprintf("INSERT INTO parked_rows (%[1]s) SELECT * REPLACE (%[2]d AS generation) FROM (SELECT %[1]s FROM parked_rows FINAL WHERE view = ? AND generation = ? AND %[3]s)",
		parkedNames, to.Number, below.condition()), from.View, from.Number)
	if err != nil {
		return fmt.Errorf("copying what %s has parked: %w", from, err)
	}
	return nil
}

// forgetParked takes away what a generation had parked that is dropped.
func (db *DB) forgetParked(ctx context.Context, g Generation) error {
	parked, err := db.ParkedEvents(ctx, ParkedFilter{View: g.View, Generation: g.Number, Limit: 1})
	if err != nil || len(parked) == 0 {
		return err
	}
	return db.Exec(ctx, "ALTER TABLE parked_rows DELETE WHERE view = ? AND generation = ?", g.View, g.Number)
}
