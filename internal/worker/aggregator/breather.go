package aggregator

import (
	"context"
	"time"

	"recount/internal/kafka"
)

const (
	// breathMax is the longest that a session waits after a transaction before it begins the next one, unless it was a large
	// one. A broker completes a transaction a few milliseconds after it has said that it ends. Records of the next one that
	// come before that are put off (see kafka.PutOff), for 20 ms as brokers come: then every transaction took 27 ms and not
	// 7. One that is set to 1, as recommended, asks itself more often, and whoever waits longer than that waits for nothing.
	breathMax = 4 * time.Millisecond
	// breathless is the number of commands that take longer than that to decide: their transaction comes late enough.
	breathless = 2_000
	// putOffPatience is how long brokers have to say for how long they put records off.
	putOffPatience = 10 * time.Second
)

// learnBreath asks the brokers for how long they put records off. Whoever may not know, or is not told, waits the longest.
func (w *Worker) learnBreath(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, putOffPatience)
	defer cancel()
	putOff, err := kafka.PutOff(ctx, w.cfg.Kafka)
	w.breath = breathFor(putOff)
	w.cfg.Log.Debug("after a small transaction it pauses", "context", w.cfg.Context, "pause", w.breath, "put_off", putOff, "unknown", err)
}

// breathFor is how long it pays to wait for a broker that puts records off for so long.
func breathFor(putOff time.Duration) time.Duration { return min(putOff, breathMax) }

// breather says when the next transaction may begin.
type breather struct {
	breath   time.Duration // after a small one
	ended    time.Time     // when the last transaction did
	commands int           // in it
}

// end notes a transaction's end.
func (b *breather) end(at time.Time, commands int) { b.ended, b.commands = at, commands }

// rest is how long to wait before the next poll. A clock that was set meanwhile makes it longer by no more than a breath.
func (b *breather) rest(now time.Time) time.Duration {
	if b.commands >= breathless {
		return 0
	}
	return min(b.breath, b.ended.Add(b.breath).Sub(now))
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
