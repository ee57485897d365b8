package acceptance_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recount/cmd/internal/role"
	"recount/e2e/deals"
)

// market has deals asked for at a steady pace for as long as they are wanted, and people answer.
type market struct {
	t       *testing.T
	counter *deals.Counter
	// transfers and orders are how many were asked for, known after enough.
	transfers, orders int

	wanted  atomic.Bool
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
	m.wanted.Store(true)
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

// ask asks for deals at the pace, and then for what is missing of the least there shall be.
func (m *market) ask(ctx context.Context, s scale) error {
	if err := m.counter.Send(ctx, "teller", s.Opening()...); err != nil {
		return err
	}
	began := time.Now()
	for ; m.wanted.Load() || m.transfers < s.transfers; m.transfers++ {
		for m.wanted.Load() && time.Since(began).Seconds()*float64(s.perSecond) < float64(m.transfers) {
			time.Sleep(feedTick)
		}
		err := m.counter.Send(ctx, "customer", s.Transfer(m.transfers)...)
		if m.orders*s.transfers < m.transfers*s.orders {
			err = errors.Join(err, m.counter.Send(ctx, "customer", s.Order(m.orders)))
			m.orders++
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// enough says that no more is wanted, and waits until all that was asked for is handed in.
func (m *market) enough() {
	m.t.Helper()
	m.wanted.Store(false)
	<-m.asked
	if m.askErr != nil {
		m.t.Fatal(m.askErr)
	}
	m.t.Logf("%d transfers and %d orders were asked for", m.transfers, m.orders)
}
