package aggregator

import (
	"testing"
	"time"

	"recount/internal/kafka"
)

func TestALongRestoreTellsItsPace(t *testing.T) {
	t.Parallel()
	var p pace
	began := time.UnixMilli(0)
	snapshots, events := kafka.Span{Topic: "snapshots", Until: 100}, kafka.Span{Topic: "events", Until: 61_000}
	for i, c := range []struct {
		at   time.Duration
		span kafka.Span
		next int64
		rate int64
		left time.Duration
		due  bool
	}{
		{0, snapshots, 50, 0, 0, false},
		{9 * time.Second, snapshots, 60, 0, 0, false},
		{10 * time.Second, snapshots, 60, 1, 40 * time.Second, true},
		{11 * time.Second, snapshots, 70, 0, 0, false},
		{25 * time.Second, events, 1_000, 0, 0, false}, // another log, at another pace
		{35 * time.Second, events, 31_000, 3_000, 10 * time.Second, true},
		{45 * time.Second, events, 31_000, 1_500, 20 * time.Second, true},
	} {
		rate, left, due := p.pass(began.Add(c.at), c.span, c.next)
		if rate != c.rate || left != c.left || due != c.due {
			t.Errorf("%d: %d a second, %v left, due %v; want %d, %v, %v", i, rate, left, due, c.rate, c.left, c.due)
		}
	}
}
