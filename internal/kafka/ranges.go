package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// RangeConsumer reads one topic for one generation of a view and cuts it into declared ranges: contiguous runs of
// offsets of one partition, each declared to the consumer group before its effects are carried out. Whoever takes a
// partition over reads the declaration and gets exactly that range again, so that effects that carry the range in a
// deduplication token happen once, however often a worker dies.
//
// The group runs the classic protocol with cooperative rebalancing: a partition that does not move keeps flowing, and
// one that moves is first taken from its owner, which blocks until its pipeline has stopped, and given out in the
// rebalance after. Rebalances are blocked between a poll and the hand-over of its records to the pipelines
// (BlockRebalanceOnPoll), never while they work.
type RangeConsumer struct {
	cfg     RangeConfig
	handler RangeHandler
	rate    rate
}

// RangeConfig says what a RangeConsumer reads, as whom, and how much at a time.
type RangeConfig struct {
	Config
	// Group is the consumer group; it belongs to one generation of one view.
	Group string
	Topic string
	// Generation is part of what is committed: a group that holds another's offsets is an error.
	Generation int
	// InstanceID, if given, makes the membership static: a process that comes back under the same ID has its
	// partitions back at once, and closing does not give them away before the session timeout.
	InstanceID string
	// SessionTimeout is how long a member may be silent before its partitions are given to others.
	SessionTimeout time.Duration
	// RebalanceTimeout bounds how long a revoke may wait for a pipeline. It must exceed the longest Work.
	RebalanceTimeout time.Duration
	Limits           RangeLimits
	// Turns, if given, is shared by consumers that compete for one machine: a pipeline takes a turn before it cuts
	// its range, so that waiting makes ranges longer rather than more.
	Turns Turns
	// Without turns guards off. It exists for the negative controls of tests, which show that a guard is needed.
	Without RangeGuard
}

// RangeLimits bound ranges and memory. Zero fields take their defaults.
type RangeLimits struct {
	// Records and Bytes (of keys and values) are the most a new range takes.
	Records int
	Bytes   int
	// Age is the least time between two ranges of a partition, unless the second is full: what comes after a pause
	// goes at once, and a steady stream makes 1/Age ranges a second.
	Age time.Duration
	// Rate is how many ranges a second may be begun for each partition, full or not, on average over those a member has:
	// what bounds the inserts of all members together. 0: as many as there are.
	Rate float64
	// Idle is how long a range that was carried out may stay unconfirmed.
	Idle time.Duration
	// AheadBytes is what may be fetched and not yet processed, over all partitions.
	AheadBytes int
}

// The defaults of RangeConfig and RangeLimits.
const (
	RebalanceTimeoutDefault  = 60 * time.Second
	RangeRecordsDefault      = 100_000
	RangeBytesDefault        = 16 << 20
	RangeAgeDefault          = 100 * time.Millisecond
	RangeIdleDefault         = time.Second
	RangeAheadBytesDefault   = 64 << 20
	partitionAheadBytesFloor = 1 << 20
)

// RangeGuard names guards of the range protocol.
type RangeGuard uint8

// The guards that RangeConfig.Without can turn off.
const (
	// GuardDeclare declares a range before it is carried out.
	GuardDeclare RangeGuard = 1 << iota
	// GuardIdleConfirm confirms the last range of a partition that has gone quiet.
	GuardIdleConfirm
	// GuardRevokeWaits lets a revoke return only when the pipeline has stopped, and takes its lease.
	GuardRevokeWaits
	// GuardMember commits only as the member that a partition was given to.
	GuardMember
)

// RangeHandler carries out what a range means. Calls for one partition come one after the other from one goroutine,
// those for different partitions at the same time.
type RangeHandler interface {
	// Owned is told which partitions this member has, whenever that changes; the first call says that it has joined.
	Owned(partitions []int32)
	// Begin comes once per assignment, before the partition's first range. An error stops the consumer.
	Begin(ctx context.Context, a Assignment) error
	// Prepare turns a range into work, without effects. A nil Work says that there is nothing to do, which must be so
	// whenever the same range comes again. An error stops the consumer before the range is declared.
	Prepare(ctx context.Context, r Range) (Work, error)
	// Reached is told that everything below position is done: after each range, and when markers and holes alone were
	// passed. After a crash the partition may go on from an earlier one.
	Reached(partition int32, position int64)
	// Confirmed is told that the group knows position, and will never go on from an earlier one.
	Confirmed(partition int32, position int64)
}

// Work carries out the effects of a range. Every attempt at an effect must be made inside attempt, which refuses once
// the partition's lease is gone. It must end well before the rebalance timeout; what it cannot do in time it gives up
// with Rejoin. The context ends when the partition is lost.
type Work func(ctx context.Context, attempt func(try func() error) error) error

// Assignment is a partition and where it goes on.
type Assignment struct {
	Partition int32
	// Position is the committed offset; -1 where nothing was committed yet.
	Position int64
	// Declared is the range that an earlier owner declared and did not confirm; it comes first.
	Declared *Bounds
	// Log is what the partition holds at this moment: who has reached its last stable offset has caught up.
	Log Extent
}

// Range is a contiguous run of offsets of one partition and the records in it.
type Range struct {
	Partition int32
	Bounds
	// Records are the data records, oldest first; offsets without one belong to transaction markers, aborted
	// transactions or compacted records.
	Records []*Record
	// Again says that an earlier owner declared this range: its effects may be there, wholly or in part.
	Again bool
}

// NewRangeConsumer returns a consumer that Run starts.
func NewRangeConsumer(cfg RangeConfig, h RangeHandler) (*RangeConsumer, error) {
	cfg.SessionTimeout = cmp.Or(cfg.SessionTimeout, SessionTimeoutDefault)
	cfg.RebalanceTimeout = cmp.Or(cfg.RebalanceTimeout, RebalanceTimeoutDefault)
	cfg.Limits.Records = cmp.Or(cfg.Limits.Records, RangeRecordsDefault)
	cfg.Limits.Bytes = cmp.Or(cfg.Limits.Bytes, RangeBytesDefault)
	cfg.Limits.Age = cmp.Or(cfg.Limits.Age, RangeAgeDefault)
	cfg.Limits.Idle = cmp.Or(cfg.Limits.Idle, RangeIdleDefault)
	cfg.Limits.AheadBytes = cmp.Or(cfg.Limits.AheadBytes, RangeAheadBytesDefault)
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	var faults []error
	for name, ok := range map[string]bool{
		"a group": cfg.Group != "", "a topic": cfg.Topic != "", "a generation above 0": cfg.Generation > 0, "a handler": h != nil,
	} {
		if !ok {
			faults = append(faults, fmt.Errorf("kafka: a range consumer needs %s", name))
		}
	}
	return &RangeConsumer{cfg: cfg, handler: h}, errors.Join(faults...)
}

// Run consumes until ctx ends, then finishes the ranges in work, confirms them and returns nil. It returns early with
// an error that a person has to act on. What may pass by itself (a broker or a database that is away) makes the member
// leave and join again, with growing pauses, for as long as it takes.
func (c *RangeConsumer) Run(ctx context.Context) error {
	pause := rejoinPauseMin
	for {
		began := time.Now()
		err := c.session(ctx)
		var again *rejoinError
		if err == nil || !errors.As(err, &again) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("kafka: stopped while %w; the range is declared and will be carried out by who comes next", err)
		}
		if time.Since(began) > rejoinPauseMax {
			pause = rejoinPauseMin
		}
		c.cfg.Log.Warn("leaving the group and joining again", "group", c.cfg.Group, "pause", pause, "because", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, rejoinPauseMax)
	}
}

const (
	rejoinPauseMin = 100 * time.Millisecond
	rejoinPauseMax = 5 * time.Second
)

// Rejoin wraps an error that may pass by itself: the consumer leaves the group, joins again, and the range that was
// given up comes again.
func Rejoin(err error) error { return &rejoinError{err} }

type rejoinError struct{ err error }

func (e *rejoinError) Error() string { return e.err.Error() }
func (e *rejoinError) Unwrap() error { return e.err }

// Turns bounds how many pipelines work at the same time.
type Turns chan struct{}

// NewTurns returns n turns.
func NewTurns(n int) Turns { return make(Turns, n) }
