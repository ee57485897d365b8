package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"recount/internal/kafka"
)

// watch sees when committed events of each partition arrive at a reader.
type watch struct {
	mu      sync.Mutex
	arrived map[int32][]time.Time
	failed  error
}

const watchPoll = 5 * time.Millisecond

// run reads until ctx ends.
func (w *watch) run(ctx context.Context, address string, partitions int32) error {
	from, err := kafka.NewFollower(kafka.Config{Brokers: []string{address}, ClientID: "bench-watch"})
	if err != nil {
		return err
	}
	defer from.Close()
	for p := range partitions {
		from.Follow(eventsTopic, p, 0)
	}
	for ctx.Err() == nil && w.failed == nil {
		poll, cancel := context.WithTimeout(ctx, watchPoll)
		from.Poll(poll, 100_000, func(span kafka.Span, records []*kafka.Record, _ int64) {
			if len(records) > 0 {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.arrived[span.Partition] = append(w.arrived[span.Partition], time.Now())
			}
		}, func(span kafka.Span, err error) {
			w.failed = fmt.Errorf("watching partition %d: %w", span.Partition, err)
		})
		cancel()
	}
	return w.failed
}

// longest is the longest time in which nothing of a partition arrived, among those that touch a span of time.
func (w *watch) longest(p int32, from, until time.Time) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var gap time.Duration
	for i := 1; i < len(w.arrived[p]); i++ {
		if before, after := w.arrived[p][i-1], w.arrived[p][i]; after.After(from) && before.Before(until) {
			gap = max(gap, after.Sub(before))
		}
	}
	return gap
}
