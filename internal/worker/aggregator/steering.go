package aggregator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"recount/internal/kafka"
)

// steering is what operators want of this worker's context, and how its sessions hear of it.
type steering struct {
	known chan struct{} // closed once the orders have been read

	mu       sync.Mutex
	orders   kafka.Orders
	isKnown  bool
	sessions map[int]*kafka.Session
}

func newSteering() *steering {
	return &steering{known: make(chan struct{}), sessions: map[int]*kafka.Session{}}
}

// current are the orders in force, as far as this worker has heard.
func (s *steering) current() kafka.Orders {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.orders
}

// attend has a session hear of new orders, until the function it returns is called.
func (s *steering) attend(n int, session *kafka.Session) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[n] = session
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.sessions, n)
	}
}

// hear takes orders over. If they change who is to own what, every session joins its group again, so that its leader,
// whoever that is, assigns anew. All workers hear of an order within milliseconds of each other, and therefore join
// together: one that joined alone would wait for the others' next heartbeat, and could not commit meanwhile.
func (s *steering) hear(orders kafka.Orders) {
	s.mu.Lock()
	defer s.mu.Unlock()
	again := s.isKnown && !s.orders.SameAssignment(orders)
	s.orders = orders
	if !s.isKnown {
		s.isKnown = true
		close(s.known)
	}
	if !again {
		return
	}
	for _, session := range s.sessions {
		session.Rejoin()
	}
}

// obey follows the orders until ctx ends.
func (w *Worker) obey(ctx context.Context) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = restartPauseFirst, restartPauseMax
	for ctx.Err() == nil {
		err := kafka.FollowOrders(ctx, w.cfg.Kafka, w.cfg.part(), w.cfg.Now, func(orders kafka.Orders) {
			pause.Reset()
			w.cfg.Log.Info("orders", "context", w.cfg.Context, "pins", orders.Pins, "drains", orders.Drains, "warm", orders.Warm)
			w.steering.hear(orders)
			w.standbys.order(orders.WarmFor(w.cfg.Instance))
		})
		if err == nil || ctx.Err() != nil {
			return nil
		}
		wait := pause.NextBackOff()
		w.cfg.Log.Warn("the orders can't be followed: those known stay in force", "context", w.cfg.Context, "pause", wait, "cause", err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return nil
}

// awaitOrders returns once the orders are known: a session that joined before might lead the group, and have partitions
// move only to move them back.
func (w *Worker) awaitOrders(ctx context.Context) error {
	select {
	case <-w.steering.known:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("reading the orders in %s: %w", kafka.ControlTopic, ctx.Err())
	}
}
