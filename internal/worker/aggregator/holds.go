package aggregator

import (
	"context"
	"maps"
	"sync"
	"time"

	"recount/internal/kafka"
)

const (
	// publishEvery is how often a worker says what it has. Whoever hears nothing for several of them calls it silent.
	publishEvery = time.Second
	// publishPatience bounds one attempt.
	publishPatience = 5 * time.Second
)

// holds are what this worker has of each partition: for its group, which prefers whoever is warm, and for operators.
type holds struct {
	now func() time.Time

	mu       sync.Mutex
	byNumber map[int32]kafka.Holding
	unsaid   map[int32]bool // changed since they were published
	changed  chan struct{}
}

func newHolds(now func() time.Time) *holds {
	return &holds{now: now, byNumber: map[int32]kafka.Holding{}, unsaid: map[int32]bool{}, changed: make(chan struct{}, 1)}
}

// become notes what this worker does with a partition from now on. That is published at once.
func (h *holds) become(n int32, role kafka.Role) {
	h.mu.Lock()
	defer h.mu.Unlock()
	holding := h.byNumber[n]
	if holding.Role == role {
		return
	}
	holding.Role, holding.Since = role, h.now()
	h.byNumber[n], h.unsaid[n] = holding, true
	select {
	case h.changed <- struct{}{}:
	default: // it is about to look anyway
	}
}

// reached notes how far a partition's store reflects the events.
func (h *holds) reached(n int32, position int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	holding := h.byNumber[n]
	if holding.Role == "" {
		holding.Role, holding.Since = kafka.IdleRole, h.now()
	}
	if holding.Position != position {
		h.unsaid[n] = true
	}
	holding.Position = position
	h.byNumber[n] = holding
}

// positions are how far the stores reflect the events, where they reflect any.
func (h *holds) positions() map[int32]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[int32]int64{}
	for n, holding := range h.byNumber {
		if holding.Position > 0 {
			out[n] = holding.Position
		}
	}
	return out
}

// toSay are the holdings to publish: what has changed, and whatever this worker does something with.
func (h *holds) toSay() map[int32]kafka.Holding {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[int32]kafka.Holding{}
	for n, holding := range h.byNumber {
		if h.unsaid[n] || holding.Role != kafka.IdleRole {
			holding.At = h.now()
			out[n] = holding
		}
	}
	clear(h.unsaid)
	return out
}

// unsay has holdings published again that could not be.
func (h *holds) unsay(said map[int32]kafka.Holding) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for n := range said {
		h.unsaid[n] = true
	}
}

// publishHolds says what this worker has until ctx ends, and then once more. Nothing but an operator's view depends on
// it: an error is logged, and the next attempt is a second away.
func (w *Worker) publishHolds(ctx context.Context) error {
	to, err := kafka.NewHoldings(w.cfg.Kafka, w.cfg.group(), w.cfg.Instance, w.topics.events)
	if err != nil {
		return err
	}
	defer to.Close()
	tick := time.NewTicker(publishEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-w.holds.changed:
		}
		w.publish(ctx, to)
	}
	return nil
}

func (w *Worker) publish(ctx context.Context, to *kafka.Holdings) {
	say := w.holds.toSay()
	if len(say) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), publishPatience)
	defer cancel()
	if err := to.Publish(ctx, maps.Clone(say)); err != nil {
		w.holds.unsay(say)
		w.cfg.Log.Warn("operators don't see what this worker has", "context", w.cfg.Context, "cause", err)
	}
}

// probe finds out what this worker's disk holds from an earlier life, so that the group knows whom to prefer.
func (w *Worker) probe(ctx context.Context) error {
	for n := range w.cfg.Partitions {
		lease, err := w.cfg.Leases.Acquire(ctx, w.storeName(n))
		if err != nil {
			return err
		}
		if at := lease.Watermark(); at >= 0 {
			w.holds.reached(n, at)
		}
		if err := lease.Release(); err != nil {
			return err
		}
	}
	return nil
}
