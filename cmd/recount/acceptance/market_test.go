package acceptance_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"recount/cmd/internal/role"
	"recount/e2e/deals"
)

// market has deals asked for at a steady pace, and people answer.
type market struct {
	t       *testing.T
	counter *deals.Counter
	asked   chan struct{}
	work    sync.WaitGroup
	stop    context.CancelFunc
	askErr  error
	answErr error
}

// openMarket begins. The market closes with the test.
func openMarket(t *testing.T, f *role.Foundation, s scale) *market {
	t.Helper()
	counter, err := deals.NewCounter(f.Kafka, f.Codec, f.Services.Partitions)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	m := &market{t: t, counter: counter, asked: make(chan struct{}), stop: stop}
	m.work.Go(func() {
		defer close(m.asked)
		m.askErr = m.ask(ctx, s)
	})
	m.work.Go(func() { m.answErr = counter.Answer(ctx, s.Workload) })
	t.Cleanup(m.close)
	return m
}

func (m *market) close() {
	m.stop()
	m.work.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), stopPatience)
	defer cancel()
	if err := errors.Join(m.answErr, m.counter.Close(ctx)); err != nil {
		m.t.Error(err)
	}
}

// ask asks for deals at the pace, orders evenly among the transfers.
func (m *market) ask(ctx context.Context, s scale) error {
	if err := m.counter.Send(ctx, "teller", s.Opening()...); err != nil {
		return err
	}
	began, orders := time.Now(), 0
	for n := range s.transfers {
		for time.Since(began).Seconds()*float64(s.perSecond) < float64(n) {
			time.Sleep(feedTick)
		}
		err := m.counter.Send(ctx, "customer", s.Transfer(n)...)
		if orders*s.transfers <= n*s.orders {
			err = errors.Join(err, m.counter.Send(ctx, "customer", s.Order(orders)))
			orders++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// end waits until all deals are handed in.
func (m *market) end() {
	m.t.Helper()
	<-m.asked
	if m.askErr != nil {
		m.t.Fatal(m.askErr)
	}
}
