// Package steer carries out what operators want of a group of workers: it moves a partition to a worker, drains a worker,
// and shows who has what.
//
// It asks and orders through Kafka alone: the group, the offsets in which workers say what they have, and the control
// topic. It talks to no worker, and never touches a partition's records.
package steer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"recount/internal/kafka"
)

// Config says whom to steer.
type Config struct {
	Kafka kafka.Config
	// Context is the bounded context's name, Group that of its workers' group.
	Context, Group string
	// Inputs are the topics that a group's workers read, Events the one that their stores reflect.
	Inputs []string
	Events string
	// By is who steers, for those who read the control topic.
	By  string
	Now func() time.Time
}

// Steer steers one group.
type Steer struct{ cfg Config }

// New returns one.
func New(cfg Config) Steer { return Steer{cfg} }

const (
	// silentAfter is for how long a worker may say nothing and still count as there.
	silentAfter = 10 * time.Second
	// rebalanceMax is how long a rebalance may take before it is shown instead of waited for.
	rebalanceMax = 30 * time.Second
	// lookEvery is how often the group is looked at while something is awaited.
	lookEvery = 50 * time.Millisecond
	// warmLease is for how long a worker follows a partition for us unless we say so again: if we die, it stops.
	warmLease = 30 * time.Second
	// pinLease is the same for the pins of a drain.
	pinLease = 10 * time.Minute
)

var (
	// ErrNoWorker is an order for a worker that is not in the group.
	ErrNoWorker = errors.New("no such worker")
	// ErrNotDrained is the end of a drain that was never ordered.
	ErrNotDrained = errors.New("not drained")
)

// Standing is a group and what is ordered of it.
type Standing struct {
	kafka.Fleet
	Orders kafka.Orders
	At     time.Time
}

// Look returns where the group stands. It waits for the end of a rebalance, of which there is nothing to see.
func (s Steer) Look(ctx context.Context) (Standing, error) {
	fleet, err := s.look(ctx)
	if err != nil {
		return Standing{}, err
	}
	orders, err := kafka.ReadOrders(ctx, s.cfg.Kafka, s.cfg.Context, s.cfg.Now())
	if err != nil {
		return Standing{}, err
	}
	return Standing{fleet, orders, s.cfg.Now()}, nil
}

func (s Steer) look(ctx context.Context) (fleet kafka.Fleet, err error) {
	for patience := s.cfg.Now().Add(rebalanceMax); ; {
		fleet, err = kafka.DescribeFleet(ctx, s.cfg.Kafka, s.cfg.Group, s.cfg.Events)
		if err != nil || kafka.Settled(fleet.State) || s.cfg.Now().After(patience) {
			return fleet, err
		}
		select {
		case <-ctx.Done():
			return fleet, context.Cause(ctx)
		case <-time.After(lookEvery):
		}
	}
}

// Waiting returns how many commands wait to be decided, by partition.
func (s Steer) Waiting(ctx context.Context) (map[int32]int64, error) {
	from, err := kafka.NewLagReader(s.cfg.Kafka)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	lags, err := from.Lag(ctx, s.cfg.Group, s.cfg.Inputs...)
	out := map[int32]int64{}
	for _, l := range lags {
		out[l.Partition] += l.Records
	}
	return out, err
}

// Has is what a worker has of a partition, and whether that was said lately.
func (s Standing) Has(w kafka.FleetWorker, p int32) (h kafka.Holding, fresh bool) {
	h = w.Holdings[p]
	return h, s.At.Sub(h.At) < silentAfter
}

// Owns says whether a worker has taken a partition over, and not only been given it.
func (s Standing) Owns(worker string, p int32) bool {
	w, ok := s.Worker(worker)
	return ok && s.Owner(p) == worker && w.Holdings[p].Role == kafka.OwnerRole
}

// Behind is how many events a worker's store of a partition lacks; false: nobody knows.
func (s Standing) Behind(w kafka.FleetWorker, p int32) (int64, bool) {
	h, ok := w.Holdings[p]
	return max(0, s.Ends[p]-h.Position), ok
}

// known returns an error if there is no such partition, or no such worker.
func (s Standing) known(name string, p int32, worker string) error {
	if p < 0 || int(p) >= len(s.Ends) {
		return fmt.Errorf("context %s has partitions 0 to %d, and no %d", name, len(s.Ends)-1, p)
	}
	return s.present(worker)
}

func (s Standing) present(worker string) error {
	if !kafka.Settled(s.State) {
		return fmt.Errorf("the group shares its partitions out anew, and has not come to an end in %v: is one of its workers frozen? Try again when it has dropped out", rebalanceMax)
	}
	if len(s.Workers) == 0 {
		return fmt.Errorf("%w: none runs; aggregator run starts one", ErrNoWorker)
	}
	if _, ok := s.Worker(worker); !ok {
		return fmt.Errorf("%w: %q; there are: %s", ErrNoWorker, worker, strings.Join(s.Names(), ", "))
	}
	return nil
}

func (s Steer) pin(p int32, worker string, until *time.Time) kafka.Order {
	return kafka.Order{Context: s.cfg.Context, Kind: kafka.PinOrder, Partition: p, Worker: worker, At: s.cfg.Now(), By: s.cfg.By, Until: until}
}

func (s Steer) warm(p int32, worker string) kafka.Order {
	until := s.cfg.Now().Add(warmLease)
	return kafka.Order{Context: s.cfg.Context, Kind: kafka.WarmOrder, Partition: p, Worker: worker, At: s.cfg.Now(), By: s.cfg.By, Until: &until}
}

func (s Steer) drain(worker string) kafka.Order {
	return kafka.Order{Context: s.cfg.Context, Kind: kafka.DrainOrder, Worker: worker, At: s.cfg.Now(), By: s.cfg.By}
}

// Release ends the pin of a partition. It stays where it is until balance wants otherwise.
func (s Steer) Release(ctx context.Context, p int32) (worker string, err error) {
	now, err := s.Look(ctx)
	if err != nil {
		return "", err
	}
	worker, pinned := now.Orders.Pins[p]
	if !pinned {
		return "", fmt.Errorf("partition %d of context %s is pinned to nobody", p, s.cfg.Context)
	}
	return worker, kafka.WithdrawOrders(ctx, s.cfg.Kafka, s.pin(p, worker, nil))
}

// Undrain lets a worker own partitions again.
func (s Steer) Undrain(ctx context.Context, worker string) error {
	now, err := s.Look(ctx)
	if err != nil {
		return err
	}
	if !now.Orders.Drains[worker] {
		drained := make([]string, 0, len(now.Orders.Drains))
		for w := range now.Orders.Drains {
			drained = append(drained, w)
		}
		slices.Sort(drained)
		return fmt.Errorf("%w: %q; drained are: %s", ErrNotDrained, worker, orNone(drained))
	}
	return kafka.WithdrawOrders(ctx, s.cfg.Kafka, s.drain(worker))
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
