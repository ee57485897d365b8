package workload

import (
	"context"
	"errors"
	"fmt"
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

// Send writes the stream into a topic at a pace, each command by itself as its time comes. accepted is told when the
// broker has acknowledged command number n; calls come one at a time.
func (w *Workload) Send(ctx context.Context, broker, topic string, pace Pace, accepted func(n int, at time.Time)) (err error) {
	file, err := os.Open(w.path)
	if err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	cl, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	defer cl.Close()
	failed := make(chan error, 1)
	n := 0
	for r, readErr := range w.records(file) {
		if readErr != nil {
			return fmt.Errorf("workload: %w", readErr)
		}
		if wait := time.Until(pace.Due(n)); wait > paceTick {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case err := <-failed:
				return fmt.Errorf("workload: %w", err)
			case <-time.After(wait):
			}
		}
		number := n
		cl.Produce(ctx, r, func(_ *kgo.Record, err error) {
			if err == nil {
				accepted(number, time.Now())
				return
			}
			select {
			case failed <- err:
			default:
			}
		})
		n++
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("workload: %w", err)
	}
	select {
	case err := <-failed:
		return fmt.Errorf("workload: %w", err)
	default:
		return nil
	}
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
