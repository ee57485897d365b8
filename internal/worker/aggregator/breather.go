package aggregator

import (
	"context"
	"time"
)

const (
	// breath is how long after a transaction the next one begins, unless it is a large one. A broker completes a
	// transaction a few milliseconds after it has said that it ends. Records of the next one that come before that are
	// put off for add.partitions.to.txn.retry.backoff.ms, which is 20 as brokers come: then every transaction took 27 ms
	// and not 7. Set to 1, as recommended, a broker asks itself more often, and the pause costs nothing: the commands
	// that come meanwhile are in the same transaction.
	breath = 4 * time.Millisecond
	// breathless is the number of commands that take longer than that to decide: their transaction comes late enough.
	breathless = 2_000
)

// breather says when the next transaction may begin.
type breather struct {
	ended    time.Time // when the last transaction did
	commands int       // in it
}

// end notes a transaction's end.
func (b *breather) end(at time.Time, commands int) { b.ended, b.commands = at, commands }

// rest is how long to wait before the next poll. A clock that was set meanwhile makes it longer by no more than a breath.
func (b *breather) rest(now time.Time) time.Duration {
	if b.commands >= breathless {
		return 0
	}
	return min(breath, b.ended.Add(breath).Sub(now))
}

// breathe waits for that, or until ctx ends.
func (m *member) breathe(ctx context.Context) {
	rest := m.breather.rest(m.cfg.Now())
	if rest <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(rest):
	}
}
