package aggregator

import (
	"sync/atomic"

	"recount/internal/kafka"
)

// tally counts what a restore has read, all partitions together. A nil tally counts nothing.
type tally struct {
	planned, passed, records atomic.Int64 // planned and passed are offsets: compaction leaves holes between records
}

func (t *tally) plan(spans []kafka.Span) {
	if t == nil {
		return
	}
	for _, s := range spans {
		t.planned.Add(max(0, s.Until-s.From))
	}
}

func (t *tally) pass(offsets int64, records int) {
	if t == nil {
		return
	}
	t.passed.Add(offsets)
	t.records.Add(int64(records))
}
