package aggregator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// rebalance carries out what the group has decided since the last transaction: gives up, takes over, resumes. None of
// it happens while a transaction is open.
func (m *member) rebalance(ctx context.Context) error {
	for {
		gained, lost, news := m.s.Changes()
		if !news {
			return nil
		}
		if err := m.land(); err != nil {
			return err
		}
		m.ready.Store(false)
		m.cfg.Log.Info("the group assigns", "session", m.name, "gained", gained, "lost", lost)
		for _, number := range lost {
			delete(m.awaited, number)
			if err := m.giveUp(number); err != nil {
				return fmt.Errorf("giving up partition %d: %w", number, err)
			}
		}
		if len(lost) > 0 {
			if err := m.s.Settle(ctx); err != nil {
				return err
			}
		}
		for _, number := range gained {
			m.awaited[number] = true
		}
		m.claim()
		if err := m.takeOver(ctx, slices.Sorted(maps.Keys(m.awaited))); err != nil && !errors.Is(err, errNews) {
			return err
		}
		if m.resume() {
			return nil
		}
	}
}

// claim tells the worker's standbys what this session owns or is about to.
func (m *member) claim() {
	claimed := slices.Collect(maps.Keys(m.awaited))
	m.w.standbys.claim(m.number, append(claimed, slices.Collect(maps.Keys(m.owned))...))
}

// errNews ends the waiting for a partition whose lease another session of this process holds: the group has spoken, and
// the partition may be that other's. Waiting on, with others' leases in hand, the two could wait for ever:
//
//	A: is given 0 and 1, and fetches offsets       B: is given 1, for the group has changed its mind
//	A: takes the lease of 0                        B: takes the lease of 1, and owns it rightly
//	A: waits for the lease of 1, and never looks at what the group said since; 0 has no owner
var errNews = errors.New("the group has news")

// takeOverAgain folds every partition of this session up to the log's end, after a transaction of unknown outcome.
func (m *member) takeOverAgain(ctx context.Context) error {
	if err := m.land(); err != nil {
		return err
	}
	m.ready.Store(false)
	numbers := slices.Collect(maps.Keys(m.owned))
	m.s.Pause(numbers)
	for _, number := range numbers {
		m.awaited[number] = true
	}
	if err := m.takeOver(ctx, numbers); err != nil && !errors.Is(err, errNews) {
		return err
	}
	m.resume() // if it can't, rebalance comes next
	return nil
}

// resume starts reading everything this session owns, all of which has been taken over. It can't while the group has
// news; they are looked at first, and then this is called again: also for the partitions that the news are not about,
// which may be paused from an earlier takeover.
func (m *member) resume() bool {
	ok := m.s.Resume(slices.Collect(maps.Keys(m.owned)))
	m.ready.Store(ok)
	return ok
}

// takeOver makes this worker know what the log says of the partitions: their states, the decided commands and the place
// in the inputs. See kafka.Standings for the order that makes it safe while a predecessor is still ending.
func (m *member) takeOver(ctx context.Context, numbers []int32) error {
	if len(numbers) == 0 {
		return nil
	}
	began := m.cfg.Now()
	t := m.w.topics
	standings, err := m.s.Standings(ctx, numbers, []string{t.events, t.refusals, t.snapshots})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := m.admit(n, standings[n]); err != nil {
			return permanent{err}
		}
	}
	parts, err := m.catchUp(ctx, numbers, standings)
	if err != nil {
		return err
	}
	for _, c := range parts {
		if err := m.admitPlace(ctx, c.owned, standings[c.number]); err != nil {
			return err
		}
		m.start(c.owned, standings[c.number])
		m.w.holds.become(c.number, kafka.OwnerRole)
		delete(m.awaited, c.number)
		m.cfg.Observer.Takeover(m.cfg.Context, c.number, m.cfg.Now().Sub(began), c.read.Snapshots+c.read.Records)
	}
	m.dirty = true
	return nil
}

// catchUp takes the leases of partitions that this session does not have yet, and makes all of them reflect their logs.
// It waits for no lease once the group has news.
func (m *member) catchUp(ctx context.Context, numbers []int32, standings map[int32]kafka.Standing) (parts []*catchUp, err error) {
	undisturbed, cancel := m.s.UntilNews(ctx)
	defer cancel()
	lease := func(n int32, take take) (*statestore.Lease, error) {
		lease, err := take(undisturbed, m.w.storeName(n))
		if err != nil && undisturbed.Err() != nil && ctx.Err() == nil {
			err = errNews
		}
		return lease, err
	}
	t := m.w.topics
	for _, n := range numbers {
		if m.owned[n] == nil {
			o := m.w.standbys.take(undisturbed, n)
			m.cfg.Observer.Handover(m.cfg.Context, n, o != nil)
			if o == nil {
				if o, err = m.w.acquire(n, lease); err != nil {
					return nil, fmt.Errorf("taking over partition %d: %w", n, err)
				}
			}
			m.owned[n] = o
		}
		out := standings[n].Outputs
		parts = append(parts, &catchUp{
			owned: m.owned[n], lease: lease,
			to: target{settled(out[t.events]), settled(out[t.refusals]), settled(out[t.snapshots])},
		})
	}
	err = m.w.catchUp(ctx, parts)
	for _, c := range parts {
		if c.owned.lease == nil { // it was let go of to be emptied, and is not ours again
			delete(m.owned, c.number)
		}
	}
	return parts, err
}

// settled is an extent whose transactions were waited for: it can be read to its end.
func settled(e kafka.Extent) kafka.Extent {
	e.Stable = e.End
	return e
}

// admit refuses a partition whose inputs have a hole: going on would pass over commands, or decide them twice, without a word.
func (m *member) admit(n int32, s kafka.Standing) error {
	if err := m.w.whole(n, s.Outputs[m.w.topics.events]); err != nil {
		return err
	}
	for topic, in := range s.Inputs {
		at := fmt.Sprintf("%s/%d, group %s", topic, n, m.cfg.group())
		switch {
		case in.Committed > in.End:
			return fmt.Errorf("%s: the committed offset %d lies beyond the log's end %d: the topic was made again or cut. Delete the group's offsets, then start with --accept-lost-commands", at, in.Committed, in.End)
		case !m.cfg.AcceptLostCommands && max(in.Committed, 0) < in.Start:
			return fmt.Errorf("%s: the commands from offset %d up to %d were deleted before they were decided. --accept-lost-commands goes on without them", at, max(in.Committed, 0), in.Start)
		}
	}
	return nil
}

// admitPlace refuses a partition whose place in the inputs was lost, although commands of it were decided: here, or where
// its events were imported from, which gives the place last. Only the fold tells: a log of nothing but aborted
// transactions has an end, too.
func (m *member) admitPlace(ctx context.Context, o *owned, s kafka.Standing) error {
	missing := m.missingPlace(o, s)
	if missing == nil {
		return nil
	}
	// Or this worker slept since it asked, and another was given the partition, and decided its first commands.
	now, err := m.s.Standings(ctx, []int32{o.number}, nil)
	if err != nil {
		return err
	}
	if m.missingPlace(o, now[o.number]) == nil {
		return fmt.Errorf("partition %d was decided by another worker while this one took it over", o.number)
	}
	return permanent{missing}
}

func (m *member) missingPlace(o *owned, s kafka.Standing) error {
	decided := o.p.Next(engine.Commands)+o.p.Next(engine.Dispatch) > 0 || o.p.RecordedAt() > 0
	if m.cfg.AcceptLostCommands || !decided {
		return nil
	}
	for topic, in := range s.Inputs {
		if in.Committed < 0 {
			return fmt.Errorf("%s/%d, group %s: there is no committed offset, yet commands were decided: an import has not ended (recount import goes on with it), or the offsets were lost or have expired. --accept-lost-commands goes on after the last command that left an event or a refusal", topic, o.number, m.cfg.group())
		}
	}
	return nil
}

// start sets where each input goes on: at the group's offset, or after what the fold has seen decided.
func (m *member) start(o *owned, s kafka.Standing) {
	for c, topic := range m.w.topics.inputs {
		in := s.Inputs[topic]
		from := in.Committed
		if m.cfg.AcceptLostCommands {
			from = max(from, in.Start)
		}
		o.p.Start(engine.Channel(c), from)
	}
}
