package steer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/kafka"
)

// Stage is how far a move has come.
type Stage string

// The stages, in order.
const (
	Warming   Stage = "warming"    // the worker follows the partition, and is Behind so many events
	Switching Stage = "switching"  // the group has been told
	Revoked   Stage = "revoked"    // nobody owns the partition
	TakenOver Stage = "taken over" // commands are decided again
)

// Step is told of a move while it takes place.
type Step struct {
	Partition int32
	Stage     Stage
	Behind    int64
}

// Moved describes a move.
type Moved struct {
	Partition int32
	From, To  string
	// Warming is how long it took until the worker was warm, Switch how long from the order to the takeover.
	Warming, Switch time.Duration
	// Pause is for how long no command of the partition was decided: the longest time between two events' stamps around the
	// switch. Where none were decided that is unknown, and it is the time between the two workers' own words.
	Pause time.Duration
	// Decided says that there were such events.
	Decided bool
}

// Move has a worker own a partition from now on: it has the worker follow the partition until it is warm, pins it there,
// and waits until the worker has taken it over. An error says how far it came, and what to do.
func (s Steer) Move(ctx context.Context, p int32, to string, told func(Step)) (Moved, error) {
	now, err := s.Look(ctx)
	if err != nil {
		return Moved{}, err
	}
	if err := now.known(s.cfg.Context, p, to); err != nil {
		return Moved{}, err
	}
	if now.Orders.Drains[to] {
		return Moved{}, fmt.Errorf("worker %s is drained: aggregator drain %s --undo lets it own partitions again", to, to)
	}
	return s.move(ctx, now, p, to, told, func(ctx context.Context) error {
		return kafka.GiveOrders(ctx, s.cfg.Kafka, s.pin(p, to, nil))
	})
}

// move warms a worker, gives the order that has it take the partition, and waits for that.
func (s Steer) move(ctx context.Context, now Standing, p int32, to string, told func(Step), order func(context.Context) error) (m Moved, err error) {
	began := s.cfg.Now()
	m = Moved{Partition: p, From: now.Owner(p), To: to}
	if now.Owns(to, p) {
		return m, order(ctx)
	}
	defer func() { err = errors.Join(err, s.endWarming(ctx, p, to)) }()
	if now, err = s.warmUp(ctx, p, to, told); err != nil {
		return m, fmt.Errorf("worker %s did not catch up with partition %d: %w. Nothing has moved; --wait gives it longer", to, p, err)
	}
	ordered := s.cfg.Now()
	m.Warming = ordered.Sub(began)
	from := now.Ends[p]
	if err := order(ctx); err != nil {
		return m, err
	}
	told(Step{Partition: p, Stage: Switching})
	after, err := s.awaitTakeover(ctx, p, to, ordered, told)
	if err != nil {
		return m, fmt.Errorf("worker %s has not taken partition %d over yet: %w. The order stands, and the worker takes it as soon as it can: aggregator partitions shows how far it is, aggregator release %d ends the order", to, p, err, p)
	}
	m.Switch = s.cfg.Now().Sub(ordered)
	m.Pause, m.Decided, err = s.pause(ctx, after, p, m, from)
	return m, err
}

// endWarming has the worker follow the partition no longer for our sake, also when ctx has ended.
func (s Steer) endWarming(ctx context.Context, p int32, to string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), silentAfter)
	defer cancel()
	return kafka.WithdrawOrders(ctx, s.cfg.Kafka, s.warm(p, to))
}

// warmUp has a worker follow a partition, and waits until it has reached what was the log's end a moment before: one
// that keeps up is never further behind than that.
func (s Steer) warmUp(ctx context.Context, p int32, to string, told func(Step)) (now Standing, err error) {
	renewed := time.Time{}
	end := int64(-1)
	err = s.await(ctx, func(look Standing) (bool, error) {
		if err := look.present(to); err != nil {
			return false, err
		}
		if look.At.Sub(renewed) > warmLease/3 {
			if err := kafka.GiveOrders(ctx, s.cfg.Kafka, s.warm(p, to)); err != nil {
				return false, err
			}
			renewed = look.At
		}
		w, _ := look.Worker(to)
		h, fresh := look.Has(w, p)
		behind, _ := look.Behind(w, p)
		told(Step{Partition: p, Stage: Warming, Behind: behind})
		warm := fresh && h.Role == kafka.StandbyRole && end >= 0 && h.Position >= end
		now = look
		if end < 0 || h.Position >= end {
			end = look.Ends[p]
		}
		return warm, nil
	})
	return now, err
}

func (s Steer) awaitTakeover(ctx context.Context, p int32, to string, ordered time.Time, told func(Step)) (now Standing, err error) {
	revoked := false
	err = s.await(ctx, func(look Standing) (bool, error) {
		if err := look.present(to); err != nil {
			return false, err
		}
		now = look
		if look.Owner(p) == "" && !revoked {
			revoked = true
			told(Step{Partition: p, Stage: Revoked})
		}
		return look.Owns(to, p), nil
	})
	if err == nil {
		told(Step{Partition: p, Stage: TakenOver})
	}
	return now, err
}

// await looks at the group until done says so.
func (s Steer) await(ctx context.Context, done func(Standing) (bool, error)) error {
	for {
		look, err := s.Look(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		ok, err := done(look)
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lookEvery):
		}
	}
}
