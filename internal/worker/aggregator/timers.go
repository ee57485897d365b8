package aggregator

import (
	"context"
	"time"
)

// Timers are looked at between polls: those that are due are put into the inbox, in a transaction like any other, and come
// back as inputs. So the log, and no clock, says when a process took notice; and a worker that dies before it has told
// leaves that to the next, which finds the timers in the states it has folded.

// timersDue has the timers told that are due, where no batch has done it by the way.
func (m *member) timersDue(ctx context.Context) error {
	if m.cfg.Outbox == nil {
		return nil
	}
	now := m.cfg.Now()
	for _, o := range m.owned {
		if o.due(now) && !m.awaited[o.number] {
			return m.decide(ctx, nil)
		}
	}
	return nil
}

// addTimers has partitions with timers that are due take part in a batch, though nothing was read of them.
func (m *member) addTimers(b *batch, now time.Time) {
	if m.cfg.Outbox == nil {
		return
	}
	has := map[int32]bool{}
	for _, p := range b.parts {
		has[p.owned.number] = true
	}
	for _, o := range m.owned {
		if o.due(now) && !has[o.number] && !m.awaited[o.number] {
			b.parts = append(b.parts, newPart(o))
		}
	}
}

// due says whether a timer of the partition's processes is due.
func (o *owned) due(now time.Time) bool {
	at, waits := o.p.NextTimer()
	return waits && at <= now.UnixMilli()
}

// untilTimer is how long to wait for records at most.
func (m *member) untilTimer(patience time.Duration) time.Duration {
	if m.cfg.Outbox == nil {
		return patience
	}
	now := m.cfg.Now().UnixMilli()
	for _, o := range m.owned {
		if at, waits := o.p.NextTimer(); waits {
			patience = min(patience, max(timerPatience, time.Duration(at-now)*time.Millisecond))
		}
	}
	return patience
}

// timerPatience bounds how often timers alone are looked at: one that can't be told yet is no reason to spin.
const timerPatience = 10 * time.Millisecond
