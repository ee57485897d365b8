//go:build e2e

package e2e_test

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/kafka"
)

// feed sends a script's messages for as long as they are wanted, in order, each once, whatever becomes of the broker.
type feed struct {
	world  *world
	client *kgo.Client
	rate   atomic.Int64 // messages a second
	cancel context.CancelFunc
	done   chan struct{}
	err    atomic.Pointer[error] // the first
}

const feedTick = 20 * time.Millisecond

// feed begins to send so many messages a second.
func (w *world) feed(rate int64) *feed {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	f := &feed{world: w, cancel: cancel, done: make(chan struct{}), client: w.client(
		kgo.DefaultProduceTopic("bank"+kafka.CommandsSuffix), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond),
		kgo.AlwaysRetryEOF(), // a broker that goes down hangs up on connections that it has just taken
	)}
	f.rate.Store(rate)
	w.feeding = f
	go f.run(ctx)
	w.t.Cleanup(func() { cancel(); <-f.done })
	return f
}

func (f *feed) run(ctx context.Context) {
	defer close(f.done)
	owed, last := 0.0, time.Now()
	for ctx.Err() == nil && f.err.Load() == nil {
		owed += time.Since(last).Seconds() * float64(f.rate.Load())
		last = time.Now()
		for ; owed >= 1 && ctx.Err() == nil; owed-- {
			f.send()
		}
		time.Sleep(feedTick)
	}
}

// send waits while too much is on its way. What is begun is never given up: a message that may have arrived can't be taken back.
func (f *feed) send() {
	m, err := f.world.script.Next()
	if err != nil {
		f.fail(err)
		return
	}
	f.client.Produce(context.Background(), &kgo.Record{Key: m.Key, Value: m.Value, Partition: m.Partition}, func(_ *kgo.Record, err error) { f.fail(err) })
}

func (f *feed) fail(err error) {
	if err != nil {
		f.err.CompareAndSwap(nil, &err)
	}
}

// end sends no more, and waits until everything is there.
func (f *feed) end() {
	f.world.t.Helper()
	f.cancel()
	<-f.done
	ctx, cancel := context.WithTimeout(f.world.t.Context(), patience)
	defer cancel()
	f.world.must(f.client.Flush(ctx))
	f.check()
}

func (f *feed) check() {
	f.world.t.Helper()
	if err := f.err.Load(); err != nil {
		f.world.t.Fatalf("sending commands: %v", *err)
	}
}
