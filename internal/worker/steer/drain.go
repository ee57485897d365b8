package steer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"recount/internal/kafka"
	"recount/internal/partition"
)

// Drain has every partition leave a worker, one after the other, each to one that has been made warm for it; from then on
// the worker owns nothing until Undrain. told hears of each step, done of each partition that has moved, and how many are
// left.
func (s Steer) Drain(ctx context.Context, worker string, told func(Step), done func(Moved, int)) (err error) {
	now, err := s.Look(ctx)
	if err != nil {
		return err
	}
	if err := now.present(worker); err != nil {
		return err
	}
	targets, err := now.without(worker)
	if err != nil {
		return err
	}
	numbers := slices.Sorted(maps.Keys(targets))
	var pins []kafka.Order
	defer func() { err = errors.Join(err, s.withdraw(ctx, pins)) }()
	for i, p := range numbers {
		to, last := targets[p], i == len(numbers)-1
		m, err := s.move(ctx, now, p, to, told, func(ctx context.Context) error {
			// The last one leaves by the drain itself: a worker that had nothing, and might have, would be given something.
			until := s.cfg.Now().Add(pinLease)
			pins = append(pins, s.pin(p, to, &until))
			for i := range pins {
				pins[i].Until = &until
			}
			orders := pins
			if last {
				orders = append(slices.Clone(pins), s.drain(worker))
			}
			return kafka.GiveOrders(ctx, s.cfg.Kafka, orders...)
		})
		if err != nil {
			return fmt.Errorf("%d of %d partitions have left %s: %w", i, len(numbers), worker, err)
		}
		done(m, len(numbers)-i-1)
		if now, err = s.Look(ctx); err != nil {
			return err
		}
	}
	if len(numbers) == 0 {
		return kafka.GiveOrders(ctx, s.cfg.Kafka, s.drain(worker))
	}
	return nil
}

// withdraw ends the pins of a drain, also when ctx has ended: who owns a partition keeps it.
func (s Steer) withdraw(ctx context.Context, pins []kafka.Order) error {
	if len(pins) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), silentAfter)
	defer cancel()
	return kafka.WithdrawOrders(ctx, s.cfg.Kafka, pins...)
}

// without says where a worker's partitions would go if it were drained: as the group's leader would have it.
func (s Standing) without(worker string) (targets map[int32]string, err error) {
	drains := maps.Clone(s.Orders.Drains)
	drains[worker] = true
	var members []partition.Member
	var leaves []int32
	left := 0
	for _, w := range s.Workers {
		m := partition.Member{ID: w.Name, Owned: w.Assigned, Capacity: w.Capacity}
		for p, h := range w.Holdings {
			if _, fresh := s.Has(w, p); fresh && h.Role != kafka.IdleRole {
				m.Warm = append(m.Warm, p)
			}
		}
		members = append(members, m)
		if w.Name == worker {
			leaves = w.Assigned
		}
		if !drains[w.Name] {
			left++
		}
	}
	if left == 0 {
		return nil, fmt.Errorf("nobody else could own the partitions of %s: start another worker, or undo a drain", worker)
	}
	orders := partition.Orders{Pins: s.Orders.Pins, Drains: drains}
	targets = map[int32]string{}
	for to, numbers := range partition.Assign(members, int32(len(s.Ends)), orders.Keeping(members)) {
		for _, p := range numbers {
			if slices.Contains(leaves, p) {
				targets[p] = to
			}
		}
	}
	return targets, nil
}
