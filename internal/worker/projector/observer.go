package projector

import (
	"time"

	"recount/internal/clickhouse"
)

// Observer is told what the projectors do; telemetry makes metrics of it. Its methods must return at once.
type Observer interface {
	// Range is a range whose rows are in.
	Range(context, view string, r RangeStats)
	// Inserted is one insert into one table.
	Inserted(view, table string, rows int, took time.Duration)
	// Retried is an attempt at an insert that failed and is repeated.
	Retried(view, table string)
	// Parked is events of which something became that a view could not map: they were parked, released or discarded.
	Parked(context, view string, fate clickhouse.Fate, events int)
	// Failed is a view that stopped.
	Failed(context, view string)
}

// RangeStats describes a range whose rows are in.
type RangeStats struct {
	Records, Rows int
	// Again says that the range was declared before a crash or a rebalance.
	Again bool
	// Map and Insert are how long decoding and mapping, and inserting took.
	Map, Insert time.Duration
	// Oldest is when the first of its records was recorded.
	Oldest time.Time
}

type unobserved struct{}

func (unobserved) Range(string, string, RangeStats)            {}
func (unobserved) Inserted(string, string, int, time.Duration) {}
func (unobserved) Retried(string, string)                      {}
func (unobserved) Parked(string, string, clickhouse.Fate, int) {}
func (unobserved) Failed(string, string)                       {}
