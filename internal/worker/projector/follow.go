package projector

import (
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
)

// Tracer follows some of the records that views are made of; telemetry makes spans of them. It is asked of each record
// that bears headers and is news (see projection.follow): it must return at once.
type Tracer interface {
	// Follow begins to follow r, which is mapped with a range that began at a moment; nil, as for nearly all records: nobody
	// follows it. r is not to be kept.
	Follow(r *kafka.Record, began time.Time) Trail
}

// Trail follows one record into one view. One that is not told has left no row there, or not yet: then its range is
// prepared again, and followed again.
type Trail interface {
	// Projected ends it.
	Projected(p Projected)
}

// Projected says that the rows of a record that is followed are in.
type Projected struct {
	View       string
	Generation int
	// Recorded is the record; Source is where it lies, topic/partition@offset.
	Recorded es.Recorded
	Source   string
	// Records and Rows are those of the range that it was inserted with. Again says that the range was declared before a
	// crash or a rebalance.
	Records, Rows int
	Again         bool
	// Inserted is when the rows were in.
	Inserted time.Time
}

// trail is a Trail on its way, and how many rows there were before its record was mapped.
type trail struct {
	Trail
	recorded es.Recorded
	had      int
}

// follow begins to follow a record, if somebody wants to and it is news to those who read the view: its generation is the
// one that serves, and the record was not in the log when a group without a place began at its start. So neither a
// rebuild nor a view that is new tells of old events, of which somebody has told before.
func (v *projection) follow(rec *kafka.Record, began time.Time, rows *es.Rows) trail {
	if v.cfg.Tracer == nil || len(rec.Headers) == 0 || !v.serves.Load() || rec.Offset < v.progress.newsFrom(rec.Partition) {
		return trail{}
	}
	t := trail{Trail: v.cfg.Tracer.Follow(rec, began)}
	if t.Trail != nil {
		t.had = rows.Len()
	}
	return t
}

// mapped adds t to those to be told, if its record has become rows.
func (t trail) mapped(trails []trail, recorded es.Recorded, rows *es.Rows) []trail {
	if t.Trail == nil || rows.Len() == t.had {
		return trails
	}
	t.recorded = recorded
	return append(trails, t)
}

// projected tells those who follow records of a range that their rows are in.
func (v *projection) projected(trails []trail, r kafka.Range, rows int) {
	if len(trails) == 0 {
		return
	}
	inserted := time.Now()
	for _, t := range trails {
		t.Projected(Projected{
			View: v.view.Name, Generation: v.generation.Number, Recorded: t.recorded, Source: v.source.place(r.Partition, t.recorded.Offset),
			Records: len(r.Records), Rows: rows, Again: r.Again, Inserted: inserted,
		})
	}
}
