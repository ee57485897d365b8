package steer

import (
	"context"
	"time"

	"recount/internal/kafka"
)

const (
	// idlePatience is how long events after a takeover are waited for where no command waits: there may come none.
	// busyPatience is how long where commands do wait: a new owner that is slow to decide them is part of the pause.
	idlePatience = time.Second
	busyPatience = 30 * time.Second
	// pauseEventsMax bounds the events looked at, from the newest backwards.
	pauseEventsMax = 1_000_000
)

// pause finds out for how long a partition stood still. after is the group as it was after the switch, from the end of
// the events before it.
func (s Steer) pause(ctx context.Context, after Standing, p int32, m Moved, from int64) (pause time.Duration, decided bool, err error) {
	taken := after.holding(m.To, p).Since
	for began := s.cfg.Now(); ; {
		// Asked before the events are read: what is decided in between is read then, and not missed.
		quiet, err := s.quiet(ctx, p, began)
		if err != nil {
			return 0, false, err
		}
		stamps, err := s.stamps(ctx, p, from)
		if err != nil {
			return 0, false, err
		}
		// Events are stamped when they are written: those of the new owner lie after its takeover, clocks permitting.
		if pause, decided := longestGap(stamps); decided && stamps[len(stamps)-1].After(taken) {
			return pause, true, nil
		}
		if quiet {
			break
		}
		select {
		case <-ctx.Done():
			return 0, false, nil // it has moved; for how long it stood still is not worth an error
		case <-time.After(lookEvery):
		}
	}
	now, err := s.Look(ctx)
	if err != nil || m.From == "" {
		return 0, false, err
	}
	return max(0, taken.Sub(now.holding(m.From, p).Since)), false, nil
}

// quiet says that a partition's next event need not be waited for: no command waits, or all patience has ended.
func (s Steer) quiet(ctx context.Context, p int32, began time.Time) (bool, error) {
	waited := s.cfg.Now().Sub(began)
	if waited <= idlePatience || waited > busyPatience {
		return waited > busyPatience, nil
	}
	waiting, err := s.Waiting(ctx)
	return waiting[p] == 0, err
}

func (s Standing) holding(worker string, p int32) kafka.Holding {
	w, _ := s.Worker(worker)
	return w.Holdings[p]
}

// stamps are the times of a partition's events from an offset on, and of the last before it.
func (s Steer) stamps(ctx context.Context, p int32, from int64) (stamps []time.Time, err error) {
	found, err := kafka.Extents(ctx, s.cfg.Kafka, s.cfg.Events)
	if err != nil {
		return nil, err
	}
	e := found[s.cfg.Events][p]
	span := kafka.Span{Topic: s.cfg.Events, Partition: p, From: max(e.Start, from-1, e.Stable-pauseEventsMax), Until: e.Stable}
	err = kafka.Replay(ctx, s.cfg.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			stamps = append(stamps, r.Timestamp)
		}
		return nil
	})
	return stamps, err
}

// longestGap is the longest time between two of the stamps; false: there are less than two.
func longestGap(stamps []time.Time) (gap time.Duration, ok bool) {
	for i := 1; i < len(stamps); i++ {
		gap = max(gap, stamps[i].Sub(stamps[i-1]))
	}
	return gap, len(stamps) > 1
}
