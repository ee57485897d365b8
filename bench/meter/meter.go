// Package meter takes the time of a consumer group on its way through a topic.
//
// It looks from outside, at what the broker says is committed, in the same way for whatever is measured: no contender
// counts for itself, and a command counts once its transaction has ended. The first part of the way is discarded.
package meter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/process"
)

// Run is one run to be measured.
type Run struct {
	// Address is the broker's; Group the consumer group, and Topic what it reads, by itself and from the start.
	Address, Group, Topic string
	// Commands are there in all. The time begins when WarmUp of them, or a few more, are committed.
	Commands, WarmUp int64
	// Contender and Broker are the processes at work.
	Contender, Broker *process.Process
}

// Reading is what came of a run after its warm-up.
type Reading struct {
	Commands int64
	Elapsed  time.Duration
	// ContenderCPU and BrokerCPU are the processor times used meanwhile.
	ContenderCPU, BrokerCPU time.Duration
}

// PerSecond is the rate.
func (r Reading) PerSecond() float64 { return float64(r.Commands) / r.Elapsed.Seconds() }

const (
	// sampleInterval is how exactly the time is known. A question that often costs the broker nothing to speak of.
	sampleInterval = 20 * time.Millisecond
	// stallMax is how long a run may make no progress: a JVM and its group need some seconds at the start.
	stallMax = 90 * time.Second
)

// Measure waits for the end of a run and returns what it read on the way. It ends with an error when a process does.
func (r Run) Measure(ctx context.Context) (Reading, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(r.Address))
	if err != nil {
		return Reading{}, fmt.Errorf("meter: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	w := watch{commands: r.Commands, warmUp: r.WarmUp, cpu: r.cpu, ended: r.ended, committed: func(ctx context.Context) (int64, error) {
		return committed(ctx, admin, r.Group, r.Topic)
	}}
	reading, err := w.run(ctx)
	if err != nil {
		return Reading{}, fmt.Errorf("meter: group %s on %s: %w", r.Group, r.Topic, err)
	}
	return reading, nil
}

func (r Run) cpu() (contender, broker time.Duration, err error) {
	contender, contenderErr := r.Contender.CPU()
	broker, brokerErr := r.Broker.CPU()
	return contender, broker, errors.Join(contenderErr, brokerErr)
}

func (r Run) ended() error {
	for _, p := range []*process.Process{r.Contender, r.Broker} {
		select {
		case <-p.Done():
			return fmt.Errorf("a process ended in the middle of a run: %w", p.Err())
		default:
		}
	}
	return nil
}

// committed adds up a group's offsets of a topic: how many of its records are done, as each partition begins at 0 and
// holds nothing but records. A group that does not exist yet has done none.
func committed(ctx context.Context, admin *kadm.Client, group, topic string) (int64, error) {
	offsets, err := admin.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) || kerr.IsRetriable(err) { // its coordinator is being set up
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, o := range offsets[topic] {
		if o.Err == nil && o.At > 0 {
			sum += o.At
		}
	}
	return sum, nil
}
