package sim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"recount/internal/kafka"
)

// producer sends commands until each is acknowledged: one whose answer does not come it sends again, as it should, and
// so some commands lie in the log twice.
type producer struct {
	w       *world
	name    string
	process // its network is disturbed like a worker's
	out     *kafka.Producer
	pending sync.WaitGroup
}

const (
	deliveryTimeout = 2 * time.Second
	resendAfter     = 500 * time.Millisecond
)

func (w *world) newProducer(n int) (*producer, error) {
	p := &producer{w: w, name: fmt.Sprint("producer-", n)}
	p.process.w, p.process.name = w, p.name
	link := newLink(w.broker.network.DialContext, p.disturb)
	p.alive = &life{p: &p.process, link: link}
	var err error
	p.out, err = kafka.NewProducer(kafka.Config{Brokers: w.broker.clean.Brokers, Dialer: link.connect}, kafka.ProducerConfig{DeliveryTimeout: deliveryTimeout})
	return p, err
}

// play sends orders, each at its time, and returns when all of them are acknowledged.
func (w *world) play(ctx context.Context, orders []order) {
	began := time.Now()
	for i, o := range orders {
		w.sleep(o.at - time.Since(began))
		p := w.producers[i%len(w.producers)]
		p.pending.Add(1)
		p.send(ctx, o)
	}
	for _, p := range w.producers {
		p.pending.Wait()
	}
}

func (p *producer) send(ctx context.Context, o order) {
	err := p.out.Produce(ctx, kafka.Command{Topic: commandsTopic, Partition: o.partition, Key: []byte(o.key), Value: o.frame}, func(_ int32, _ int64, err error) {
		if err == nil {
			p.pending.Done()
			return
		}
		p.w.note("%s sends again: %v", p.name, err)
		time.AfterFunc(resendAfter, func() { p.send(ctx, o) })
	})
	if err != nil {
		p.w.fail(fmt.Errorf("%s: %w", p.name, err))
		p.pending.Done()
	}
}
