package main

import (
	"context"
	"time"

	"recount/bench/workload"
)

// lap is the transfers from ≤ n < until of a round, of which those before first do not count. As many as there is room for
// are under way, or they are asked for at a pace.
type lap struct {
	from, first, until int

	room room
	pace workload.Pace // zero: as many as there is room for

	began, ended mark   // when they began to count, and when the last had ended
	period       period // of a paced lap
}

func (l *lap) paced() bool { return l.pace.PerSecond > 0 }

// begin says that its first request may be handed in now.
func (l *lap) begin(at time.Time) { l.pace.Start = at }

// wait returns when its request number n, from 0, may be handed in.
func (l *lap) wait(ctx context.Context, n int) error {
	if l.paced() {
		return l.pace.Wait(ctx, n)
	}
	return l.room.enter(ctx)
}
