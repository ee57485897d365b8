package aggregator

import (
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// Observer is told what the worker does; telemetry makes metrics of it. Its methods must return at once.
type Observer interface {
	// Batch is one committed transaction of a session.
	Batch(context string, b Batch)
	// Abort is a transaction that is not known to be committed.
	Abort(context string, cause kafka.AbortCause)
	// Takeover is a partition that was caught up with: how long it took and how many records were folded.
	Takeover(context string, partition int32, took time.Duration, records int)
	// Flush is a write to the store and what became of it.
	Flush(context string, outcome statestore.Outcome)
	// Evicted are commands that a dedup window forgot for their number, before their time: a retry of theirs is decided
	// as a new command. It is told with each write to the store, and only if there are any.
	Evicted(context string, commands int64)
	// Restore is a partition that was filled from its log, because its store had nothing to go on from.
	Restore(context string, r Restored)
	// Checkpoint is one that is complete.
	Checkpoint(context string, c Checkpoint)
	// Standby is how many events a partition that is followed was behind when it was last read; -1: it is no longer followed.
	Standby(context string, partition int32, behind int64)
	// Handover is a partition that was assigned, and whether a standby of this worker handed it over.
	Handover(context string, partition int32, warm bool)
	// Restart is a session that failed and starts again.
	Restart(context string)
}

// Batch describes a committed transaction.
type Batch struct {
	Commands int
	Counts   engine.Counts
	// Progress is what instances of sagas have come to.
	Progress       []engine.Progress
	Decide, Commit time.Duration
	// Oldest is the broker's time of the batch's first command.
	Oldest time.Time
}

// Checkpoint describes a complete checkpoint of a partition.
type Checkpoint struct {
	Partition int32
	Snapshots int
	Took      time.Duration
}

type unobserved struct{}

func (unobserved) Batch(string, Batch)                        {}
func (unobserved) Abort(string, kafka.AbortCause)             {}
func (unobserved) Takeover(string, int32, time.Duration, int) {}
func (unobserved) Flush(string, statestore.Outcome)           {}
func (unobserved) Evicted(string, int64)                      {}
func (unobserved) Restore(string, Restored)                   {}
func (unobserved) Checkpoint(string, Checkpoint)              {}
func (unobserved) Restart(string)                             {}
func (unobserved) Standby(string, int32, int64)               {}
func (unobserved) Handover(string, int32, bool)               {}
