package projector

import (
	"time"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
)

// clockAllowance is how far this process's clock may be ahead of that of a worker which stamps records.
const clockAllowance = 5 * time.Second

// knowledge works out by when a partition of a view has everything that was recorded: the answer to what was believed at
// a moment must not change later because a record of before that moment was still on its way.
//
// There are two ways to know. Stamps of one partition never run backwards, so a view has everything that was recorded
// before the newest record it has. That alone would leave a partition that rests unknown for ever, so there is another:
// a record that is not below the last stable offset when it is read belongs to a transaction that was open then, or was
// begun later. A transaction lives for the transaction timeout at most. So nothing that appears above the offset can have
// been stamped earlier than that before the reading, but for the difference of two clocks; and once the view has reached
// the offset, it has all that was.
type knowledge struct {
	margin   time.Duration
	readings map[knownKey]reading
}

type knownKey struct {
	context, view string
	generation    int
	partition     int32
}

// reading is a last stable offset that the view had not reached when it was read.
type reading struct {
	at     time.Time
	stable int64
}

func newKnowledge(transactionTimeout time.Duration) *knowledge {
	return &knowledge{margin: transactionTimeout + clockAllowance, readings: map[knownKey]reading{}}
}

// learn returns what is known of the partitions this process has. log holds their extents, read at a moment that was not
// before at; position is taken from s, which is newer.
func (k *knowledge) learn(at time.Time, s ViewStatus, log map[int32]kafka.Extent) []clickhouse.Known {
	var out []clickhouse.Known
	for _, p := range s.Partitions {
		var until time.Time
		if !p.EventTime.IsZero() {
			until = p.EventTime.Add(-time.Millisecond) // another record may have the same stamp
		}
		if reached := k.reached(knownKey{s.Context, s.View, s.Generation, p.Partition}, at, p.Position, log); reached.After(until) {
			until = reached
		}
		if s.Generation > 0 && !until.IsZero() {
			out = append(out, clickhouse.Known{
				View: s.View, Generation: s.Generation, Context: s.Context, Partition: p.Partition, Partitions: len(log), Until: until,
			})
		}
	}
	return out
}

// reached returns the moment that position proves, or zero. A reading that is not reached yet is kept until it is, so
// that a view which is always a little behind a busy partition gets somewhere.
func (k *knowledge) reached(key knownKey, at time.Time, position int64, log map[int32]kafka.Extent) (until time.Time) {
	if kept, ok := k.readings[key]; ok && position >= kept.stable {
		delete(k.readings, key)
		until = kept.at.Add(-k.margin)
	}
	e, ok := log[key.partition]
	switch _, kept := k.readings[key]; {
	case !ok:
	case position >= e.Stable:
		delete(k.readings, key)
		until = at.Add(-k.margin)
	case !kept:
		k.readings[key] = reading{at, e.Stable}
	}
	return until
}
