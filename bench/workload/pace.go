package workload

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Pace is when a stream's commands are to be sent: so many a second from a moment on, whatever becomes of them. Who
// measures from there, and not from when a command could be sent at last, leaves out no wait that a slow answer caused.
type Pace struct {
	Start     time.Time
	PerSecond int
}

// Due is when command number n is to be sent.
func (p Pace) Due(n int) time.Time {
	return p.Start.Add(time.Duration(n) * time.Second / time.Duration(p.PerSecond))
}

// paceTick is how far a command may be sent before or after its time: a sleep is not exacter.
const paceTick = time.Millisecond

// Wait waits until command number n is to be sent, or ctx ends.
func (p Pace) Wait(ctx context.Context, n int) error {
	wait := time.Until(p.Due(n))
	if wait <= paceTick {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(wait):
		return nil
	}
}

// Send writes the stream into a topic at a pace, each command by itself as its time comes. accepted is told when the
// broker has acknowledged command number n; calls come one at a time.
func (w *Workload) Send(ctx context.Context, broker, topic string, pace Pace, accepted func(n int, at time.Time)) (err error) {
	file, err := os.Open(w.path)
	if err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return Send(ctx, broker, topic, w.records(file), pace.Wait, accepted)
}

// Send writes records into their partitions of a topic, in their order, record number n by itself when wait has returned
// for it. accepted is told when the broker has acknowledged it; calls come one at a time.
func Send(ctx context.Context, broker, topic string, records iter.Seq2[*kgo.Record, error], wait func(ctx context.Context, n int) error, accepted func(n int, at time.Time)) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	defer cl.Close()
	ctx, fail := context.WithCancelCause(ctx) // a record that was not taken ends whatever is waited for
	defer fail(nil)
	n := 0
	for r, err := range records {
		if err == nil {
			err = wait(ctx, n)
		}
		if err != nil {
			return fmt.Errorf("workload: %w", errors.Join(err, context.Cause(ctx)))
		}
		number := n
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				fail(err)
				return
			}
			accepted(number, time.Now())
		})
		n++
	}
	if err := errors.Join(cl.Flush(ctx), context.Cause(ctx)); err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	return nil
}

// Numbers returns the commands' numbers by partition, in their order: what lies at offset o of partition p is command
// number Numbers[p][o].
func (w *Workload) Numbers() (numbers [][]int, err error) {
	file, err := os.Open(w.path)
	if err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	numbers = make([][]int, w.Partitions)
	n := 0
	for r, err := range w.records(file) {
		if err != nil {
			return nil, fmt.Errorf("workload: %w", err)
		}
		numbers[r.Partition] = append(numbers[r.Partition], n)
		n++
	}
	return numbers, nil
}
