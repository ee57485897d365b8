package aggregator

import (
	"sync"

	"recount/internal/kafka"
)

// Progress is how far a restore has come, all its partitions together.
type Progress struct {
	// Restored of Partitions are done.
	Restored, Partitions int
	// Passed of Planned offsets are behind it. Compaction leaves holes between records, so there may be fewer of these.
	// The plan grows where snapshots turn out to be of no use.
	Passed, Planned int64
	// Records are the snapshots, events and refusals read so far.
	Records int64
}

// tally adds up what the partitions of a restore have read, and tells of it. A nil tally counts nothing.
type tally struct {
	mu     sync.Mutex
	tell   func(Progress) // one call at a time
	whole  Progress
	shares map[int32]share
}

// share is one partition's part of a tally.
type share struct{ passed, planned int64 }

func newTally(partitions int, tell func(Progress)) *tally {
	if tell == nil {
		return nil
	}
	return &tally{tell: tell, whole: Progress{Partitions: partitions}, shares: map[int32]share{}}
}

// plan says what is left to read of a partition, as far as is known.
func (t *tally) plan(partition int32, spans ...kafka.Span) {
	if t == nil {
		return
	}
	left := int64(0)
	for _, s := range spans {
		left += max(0, s.Until-s.From)
	}
	t.change(partition, func(s *share) { s.planned = s.passed + left })
}

// pass says what was read of a partition.
func (t *tally) pass(partition int32, offsets int64, records int) {
	if t == nil {
		return
	}
	t.change(partition, func(s *share) {
		s.passed += offsets
		t.whole.Records += int64(records)
	})
}

// done says that a partition is restored.
func (t *tally) done(partition int32) {
	if t == nil {
		return
	}
	t.change(partition, func(s *share) {
		s.planned = s.passed
		t.whole.Restored++
	})
}

func (t *tally) change(partition int32, by func(*share)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.shares[partition]
	before := s
	by(&s)
	t.shares[partition] = s
	t.whole.Passed += s.passed - before.passed
	t.whole.Planned += s.planned - before.planned
	t.tell(t.whole)
}
