package clickhouse

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Watermark says that everything below Next of a partition is in a generation of a view.
type Watermark struct {
	View       string
	Generation int
	Context    string
	Partition  int32
	Next       int64
	// EventTime is when the newest of it was recorded, in Unix milliseconds.
	EventTime int64
	// Rows is how many rows the last ranges brought.
	Rows int
}

type watermarkKey struct {
	view       string
	generation int
	context    string
	partition  int32
}

func (w Watermark) key() watermarkKey {
	return watermarkKey{w.View, w.Generation, w.Context, w.Partition}
}

// Watermarks publishes watermarks: the newest of every partition, many in one insert, as fast as inserts return.
// Nothing depends on one being written. The next makes up for one that is lost.
type Watermarks struct {
	db  *DB
	add chan Watermark
}

const (
	// watermarkPause keeps the inserts, and with them the parts to be merged, few.
	watermarkPause = 50 * time.Millisecond
	watermarkQueue = 1024
)

// NewWatermarks returns a publisher that Run starts.
func (db *DB) NewWatermarks() *Watermarks {
	return &Watermarks{db: db, add: make(chan Watermark, watermarkQueue)}
}

// Publish hands over a watermark whose rows are in. It never waits: when the publisher is far behind, because
// ClickHouse is away, the watermark is lost to the partition's next.
func (w *Watermarks) Publish(m Watermark) {
	select {
	case w.add <- m:
	default:
	}
}

// Run writes what is published until ctx ends, and then what is left. What could not be written is tried again, though
// nothing more may come: a log that rests would else leave those waiting who wait for its newest record.
func (w *Watermarks) Run(ctx context.Context) error {
	pending := map[watermarkKey]Watermark{}
	for {
		var again <-chan time.Time
		if len(pending) > 0 {
			again = time.After(retryPauseMax)
		}
		select {
		case <-ctx.Done():
			return w.finish(ctx, pending)
		case m := <-w.add:
			merge(pending, m)
		case <-again:
		}
		select {
		case <-ctx.Done():
			return w.finish(ctx, pending)
		case <-time.After(watermarkPause):
		}
		w.drain(pending)
		if err := w.write(ctx, pending); err == nil {
			clear(pending)
		} else if ctx.Err() == nil && !transient(err) {
			return fmt.Errorf("writing watermarks: %w", explain(err))
		}
	}
}

// finish writes what is left, for a moment.
func (w *Watermarks) finish(ctx context.Context, pending map[watermarkKey]Watermark) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	w.drain(pending)
	if err := w.write(ctx, pending); err != nil {
		w.db.cfg.Log.Warn("the last watermarks were not written; they will be, when their partitions go on", "error", err)
	}
	return nil
}

func (w *Watermarks) drain(pending map[watermarkKey]Watermark) {
	for {
		select {
		case m := <-w.add:
			merge(pending, m)
		default:
			return
		}
	}
}

func merge(pending map[watermarkKey]Watermark, m Watermark) {
	old := pending[m.key()]
	m.Next, m.EventTime, m.Rows = max(m.Next, old.Next), max(m.EventTime, old.EventTime), m.Rows+old.Rows
	pending[m.key()] = m
}

func (w *Watermarks) write(ctx context.Context, pending map[watermarkKey]Watermark) error {
	if len(pending) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, w.db.cfg.QueryTimeout)
	defer cancel()
	batch, err := w.db.conn.PrepareBatch(ch.Context(ctx, ch.WithSettings(insertSettings("")), ch.WithColumnNamesAndTypes(watermarkColumns())),
		"INSERT INTO watermark_rows (view, generation, context, partition, next_offset, event_time, rows)")
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // after Send it does nothing
	for _, m := range pending {
		err := batch.Append(m.View, uint32(m.Generation), m.Context, m.Partition, m.Next, time.UnixMilli(m.EventTime), uint64(m.Rows))
		if err != nil {
			return err
		}
	}
	return batch.Send()
}

func watermarkColumns() []ch.ColumnNameAndType {
	return []ch.ColumnNameAndType{
		{Name: "view", Type: "LowCardinality(String)"}, {Name: "generation", Type: "UInt32"}, {Name: "context", Type: "LowCardinality(String)"},
		{Name: "partition", Type: "Int32"}, {Name: "next_offset", Type: "Int64"}, {Name: "event_time", Type: "DateTime64(3, 'UTC')"}, {Name: "rows", Type: "UInt64"},
	}
}

// Mark writes watermarks and returns when they are there: for who will depend on them.
func (db *DB) Mark(ctx context.Context, marks ...Watermark) error {
	pending := map[watermarkKey]Watermark{}
	for _, m := range marks {
		merge(pending, m)
	}
	err := db.cfg.again(ctx, func() error { return (&Watermarks{db: db}).write(ctx, pending) })
	if err != nil {
		return fmt.Errorf("writing watermarks: %w", explain(err))
	}
	return nil
}

// Vector returns the published watermarks of a generation: everything below them is in.
func (db *DB) Vector(ctx context.Context, g Generation) (Vector, error) {
	var rows []struct {
		Context   string `ch:"context"`
		Partition int32  `ch:"partition"`
		Next      int64  `ch:"next"`
	}
	err := db.cfg.again(ctx, func() error {
		rows = nil
		return db.Select(ctx, &rows, "SELECT toString(context) AS context, partition, max(next_offset) AS next FROM watermark_rows WHERE view = ? AND generation = ? GROUP BY context, partition",
			g.View, g.Number)
	})
	if err != nil {
		return nil, fmt.Errorf("reading how far %s is: %w", g, err)
	}
	out := Vector{}
	for _, r := range rows {
		out.Raise(r.Context, r.Partition, r.Next)
	}
	return out, nil
}

// Reached returns the published watermark of a partition: everything below it is in. It is 0 where nothing was
// published yet.
func (db *DB) Reached(ctx context.Context, g Generation, context string, partition int32) (int64, error) {
	var next int64
	err := db.Row(ctx, "SELECT max(next_offset) FROM watermark_rows WHERE view = ? AND generation = ? AND context = ? AND partition = ?",
		g.View, g.Number, context, partition).Scan(&next)
	return next, err
}
