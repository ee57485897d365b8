package aggregator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"recount/internal/engine"
	"recount/internal/es"
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
		if err := m.takeOver(ctx, slices.Sorted(maps.Keys(m.awaited))); err != nil && !errors.Is(err, errNews) {
			return err
		}
		if m.resume() {
			return nil
		}
	}
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
	standings, err := m.s.Standings(ctx, numbers, []string{m.w.topics.events, m.w.topics.refusals})
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := m.admit(n, standings[n]); err != nil {
			return permanent{err}
		}
		if err := m.open(ctx, n, standings[n]); err != nil {
			return fmt.Errorf("taking over partition %d: %w", n, err)
		}
	}
	folded, err := m.fold(ctx, numbers, standings)
	if errors.Is(err, engine.ErrGap) {
		// The store misses an event that the log has: it is only a copy. Once more, from the log's beginning.
		m.cfg.Log.Warn("the store does not fit the log: folding from zero", "cause", err)
		for _, n := range numbers {
			if err := m.openEmpty(ctx, n); err != nil {
				return err
			}
		}
		folded, err = m.fold(ctx, numbers, standings)
	}
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if err := m.admitPlace(ctx, m.owned[n], standings[n]); err != nil {
			return err
		}
		m.start(m.owned[n], standings[n])
		delete(m.awaited, n)
		m.cfg.Observer.Takeover(m.cfg.Context, n, m.cfg.Now().Sub(began), folded[n])
	}
	m.dirty = true
	return nil
}

// admit refuses a partition whose inputs have a hole: going on would pass over commands, or decide them twice, without a word.
func (m *member) admit(n int32, s kafka.Standing) error {
	if events := s.Outputs[m.w.topics.events]; events.Start > 0 {
		return fmt.Errorf("%s/%d begins at offset %d: the events before it were deleted, and no state can be known without them. Restore the topic from an archive", m.w.topics.events, n, events.Start)
	}
	for topic, in := range s.Inputs {
		at := fmt.Sprintf("%s/%d, group %s", topic, n, Group(m.cfg.Context))
		switch {
		case in.Committed > in.End:
			return fmt.Errorf("%s: the committed offset %d lies beyond the log's end %d: the topic was made again or cut. Delete the group's offsets, then start with --accept-lost-commands", at, in.Committed, in.End)
		case !m.cfg.AcceptLostCommands && max(in.Committed, 0) < in.Start:
			return fmt.Errorf("%s: the commands from offset %d up to %d were deleted before they were decided. --accept-lost-commands goes on without them", at, max(in.Committed, 0), in.Start)
		}
	}
	return nil
}

// admitPlace refuses a partition whose place in the inputs was lost, although commands of it were decided. Only the fold
// tells: a log of nothing but aborted transactions has an end, too.
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
	if m.cfg.AcceptLostCommands || o.p.Next(engine.Commands)+o.p.Next(engine.Dispatch) == 0 {
		return nil
	}
	for topic, in := range s.Inputs {
		if in.Committed < 0 {
			return fmt.Errorf("%s/%d, group %s: there is no committed offset, yet commands were decided: the offsets were lost or have expired. --accept-lost-commands goes on after the last command that left an event or a refusal", topic, o.number, Group(m.cfg.Context))
		}
	}
	return nil
}

// open opens partition n's store, if this session does not have it already. What does not fit the log is dropped.
func (m *member) open(ctx context.Context, n int32, s kafka.Standing) error {
	if m.owned[n] == nil {
		lease, err := m.acquire(ctx, n, m.cfg.Leases.Acquire)
		if err != nil {
			return err
		}
		m.owned[n] = &owned{number: n, lease: lease}
		if err := m.engine(m.owned[n]); err != nil && !errors.Is(err, engine.ErrForeignStore) {
			return err
		} else if err != nil {
			m.cfg.Log.Info("the store was made under other conditions: folding from zero", "context", m.cfg.Context, "partition", n)
			return m.openEmpty(ctx, n)
		}
	}
	events, refusals := m.owned[n].p.Position()
	if events > s.Outputs[m.w.topics.events].End || refusals > s.Outputs[m.w.topics.refusals].End {
		m.cfg.Log.Warn("the store is ahead of the log: folding from zero", "context", m.cfg.Context, "partition", n)
		return m.openEmpty(ctx, n)
	}
	return nil
}

// acquire waits for a partition's lease, unless the group has news.
func (m *member) acquire(ctx context.Context, n int32, from func(context.Context, string) (*statestore.Lease, error)) (*statestore.Lease, error) {
	undisturbed, cancel := m.s.UntilNews(ctx)
	defer cancel()
	lease, err := from(undisturbed, m.storeName(n))
	if err != nil && undisturbed.Err() != nil && ctx.Err() == nil {
		return nil, errNews
	}
	return lease, err
}

func (m *member) storeName(n int32) string { return fmt.Sprintf("%s.%d", m.cfg.Context, n) }

func (m *member) openEmpty(ctx context.Context, n int32) error {
	if err := m.owned[n].lease.Release(); err != nil {
		return err
	}
	delete(m.owned, n)
	lease, err := m.acquire(ctx, n, m.cfg.Leases.AcquireEmpty)
	if err != nil {
		return err
	}
	m.owned[n] = &owned{number: n, lease: lease}
	return m.engine(m.owned[n])
}

// engine opens o's engine over its store.
func (m *member) engine(o *owned) (err error) {
	o.overlay = statestore.NewOverlay(o.lease)
	t := m.w.topics
	cfg := engine.Config{
		Context: m.cfg.Context, Partition: o.number, Partitions: m.cfg.Partitions,
		EventsID:    es.ID(t.ids[t.events].ID),
		Codec:       m.cfg.Codec,
		DedupMillis: m.cfg.DedupWindow.Milliseconds(), DedupEntries: m.cfg.DedupEntries,
		CacheEntries: m.cfg.CacheEntries, RecordBytesMax: engine.RecordBytesMaxDefault,
	}
	for c, name := range t.inputs {
		cfg.Topics[c] = engine.Topic{Name: name, ID: es.ID(t.ids[name].ID)}
	}
	o.p, err = engine.Open(cfg, o.overlay)
	return err
}

// fold reads the events and refusals that the stores do not reflect yet, and returns how many there were of each partition.
func (m *member) fold(ctx context.Context, numbers []int32, standings map[int32]kafka.Standing) (map[int32]int, error) {
	var spans []kafka.Span
	for _, n := range numbers {
		events, refusals := m.owned[n].p.Position()
		e, r := standings[n].Outputs[m.w.topics.events], standings[n].Outputs[m.w.topics.refusals]
		spans = append(spans,
			kafka.Span{Topic: m.w.topics.events, Partition: n, From: events, Until: e.End},
			kafka.Span{Topic: m.w.topics.refusals, Partition: n, From: max(refusals, r.Start), Until: r.End})
	}
	folded := map[int32]int{}
	err := kafka.Replay(ctx, m.cfg.Kafka, spans, func(s kafka.Span, records []*kafka.Record, next int64) error {
		folded[s.Partition] += len(records)
		return m.foldRecords(ctx, m.owned[s.Partition], s.Topic, records, next)
	})
	return folded, err
}

func (m *member) foldRecords(ctx context.Context, o *owned, topic string, records []*kafka.Record, next int64) error {
	stored := make([]engine.Stored, len(records))
	for i, r := range records {
		if err := m.learn(ctx, r.Value); err != nil {
			return err
		}
		stored[i] = engine.Stored{Offset: r.Offset, Value: r.Value}
	}
	if topic == m.w.topics.refusals {
		return o.p.FoldRefusals(stored, next)
	}
	writes, err := o.p.FoldEvents(stored, next)
	if err != nil {
		return err
	}
	for _, w := range writes {
		if err := o.overlay.Set(w.Key, w.Value); err != nil {
			return err
		}
	}
	if o.overlay.Bytes() > overlayBytesMax {
		return m.flush(o)
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
