package aggregator

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
)

// member is one session at work. One goroutine owns it; only the steps of a batch run beside each other, one a partition.
type member struct {
	w    *Worker
	cfg  *Config
	s    *kafka.Session
	name string
	// number is the session's among the worker's.
	number int
	ready  *atomic.Bool

	owned   map[int32]*owned
	awaited map[int32]bool // given to us, and not taken over yet
	batch   int            // commands a poll, now
	dirty   bool           // something is committed that no flush has taken
	flight  *flight        // the flush under way; nil: none

	breather       breather
	lastFlush      time.Time     // when the last one began
	flushPause     time.Duration // how long after that the next one is due at the earliest, for what the last one took
	lastCheckpoint time.Time     // when the last one began
}

const pollPatience = 500 * time.Millisecond

func (m *member) run(ctx context.Context) error {
	for ctx.Err() == nil {
		if err := m.rebalance(ctx); err != nil {
			return err
		}
		m.breathe(ctx)
		fetched, err := m.poll(ctx)
		if err == nil && len(fetched) > 0 {
			err = m.decide(ctx, fetched)
		}
		m.s.AllowRebalance()
		if err != nil {
			return err
		}
		if err := m.flushDue(); err != nil {
			return err
		}
		if err := m.checkpointDue(ctx); err != nil {
			return err
		}
		if err := m.timersDue(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (m *member) poll(ctx context.Context) ([]kafka.Fetched, error) {
	patience := pollPatience
	if m.dirty {
		patience = min(patience, m.cfg.FlushEvery)
	}
	if m.checkpointing() {
		patience = min(patience, checkpointPause)
	}
	ctx, cancel := context.WithTimeout(ctx, m.untilTimer(patience))
	defer cancel()
	return m.s.Poll(ctx, m.batch)
}

// decide takes one poll's commands through step, transaction, memory and replies, in this order.
func (m *member) decide(ctx context.Context, fetched []kafka.Fetched) error {
	began := m.cfg.Now()
	b, err := m.newBatch(ctx, fetched, began)
	if err != nil {
		return err
	}
	m.addTimers(b, began)
	decided := began
	committed, err := m.publish(ctx, b, func() error {
		err := m.step(b, began.UnixMilli())
		decided = m.cfg.Now()
		return err
	})
	if err != nil {
		return err
	}
	if !committed {
		m.batch = max(1, m.batch/2)
		return m.startOver(ctx)
	}
	m.batch = min(m.cfg.BatchMax, 2*m.batch)
	committedAt := m.cfg.Now()
	m.reply(b)
	m.followed(b, decided, committedAt)
	m.s.Recycle(fetched)
	m.cfg.Observer.Batch(m.cfg.Context, b.describe(decided.Sub(began), committedAt.Sub(decided)))
	return nil
}

// publish writes b in one transaction and takes it over if that is known to be committed. The transaction begins before
// write has the records made and given to it, part by part: the first are on their way while the last are decided.
func (m *member) publish(ctx context.Context, b *batch, write func() error) (committed bool, err error) {
	if b.tx, err = m.s.Begin(ctx); err != nil {
		return false, err
	}
	if err := write(); err != nil {
		return false, errors.Join(err, b.tx.Abort())
	}
	committed, err = b.tx.Commit(m.positions(b))
	m.breather.end(m.cfg.Now(), b.commands)
	if !committed {
		m.cfg.Observer.Abort(m.cfg.Context, m.s.AbortCause())
		return false, err
	}
	for _, part := range b.parts {
		if err := part.committed(); err != nil {
			return false, err
		}
	}
	m.dirty = true
	return true, nil
}

// startOver follows a transaction that is not known to be committed. Nothing of it is used, but the broker may have it:
// what is true is in the log.
func (m *member) startOver(ctx context.Context) error {
	m.s.AllowRebalance()
	return m.takeOverAgain(ctx)
}

// step decides every partition of the batch, each on a goroutine of its own, and gives its records to the transaction:
// they share nothing else but the codec.
func (m *member) step(b *batch, now int64) error {
	var g errgroup.Group
	for _, part := range b.parts {
		g.Go(func() error {
			fx, err := part.owned.p.Step(now, part.inputs)
			if err != nil {
				return err
			}
			part.fx = fx
			part.write(b.tx, m.cfg.Context, m.w.topics, now)
			return nil
		})
	}
	err := g.Wait()
	if errors.Is(err, engine.ErrClockBehind) {
		return permanent{err}
	}
	return err
}

// positions are the places of both channels of every partition in the batch, also of the channel that had no record:
// a partition that is written without its offsets is not fenced, and a channel without an offset could not be told from a lost one.
func (m *member) positions(b *batch) []kafka.Position {
	var out []kafka.Position
	for _, part := range b.parts {
		for c, topic := range m.w.topics.inputs {
			next := max(part.fx.Next[c], part.owned.p.Next(engine.Channel(c)))
			out = append(out, kafka.Position{Topic: topic, Partition: part.owned.number, Next: next})
		}
	}
	return out
}

func (m *member) reply(b *batch) {
	if m.cfg.Replier == nil {
		return
	}
	for _, part := range b.parts {
		for i := range part.fx.Replies {
			a := &part.fx.Replies[i]
			var frames [][]byte
			position := ""
			for _, r := range part.events[a.FirstEvent : a.FirstEvent+a.Events] {
				frames = append(frames, r.Value)
				position = es.Position{Context: m.cfg.Context, Partition: r.Partition, Offset: r.Offset}.String()
			}
			m.cfg.Replier.Reply(a, position, frames)
		}
	}
}

// giveUp writes a partition's memory to the store and passes the partition on.
func (m *member) giveUp(number int32) error {
	o, ok := m.owned[number]
	if !ok {
		return nil
	}
	if err := m.land(); err != nil {
		return err
	}
	delete(m.owned, number)
	if o.empty { // still being filled: nobody could go on from that
		return m.release(o)
	}
	return errors.Join(m.w.flush(o), m.release(o))
}

// release passes a partition on.
func (m *member) release(o *owned) error {
	m.w.holds.become(o.number, kafka.IdleRole) // before the next holder can say what it does
	return o.lease.Release()
}

// abandon passes everything on without writing: after an error nothing in memory is trusted, and the log has it all.
func (m *member) abandon() {
	if err := m.land(); err != nil {
		m.cfg.Log.Warn("writing to the store", "cause", err)
	}
	for number, o := range m.owned {
		delete(m.owned, number)
		if err := m.release(o); err != nil {
			m.cfg.Log.Warn("passing a partition on", "partition", number, "cause", err)
		}
	}
}

// drain makes a last checkpoint and writes everything to the store.
func (m *member) drain() error {
	m.lastCheckpoints()
	var errs []error
	for number := range m.owned {
		errs = append(errs, m.giveUp(number))
	}
	return errors.Join(errs...)
}

const leavePatience = 10 * time.Second

// leave ends the session, so that others take over at once and need not wait for a timeout.
func (m *member) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), leavePatience)
	defer cancel()
	if err := m.s.Leave(ctx); err != nil {
		m.cfg.Log.Warn("leaving the group: others take over after the session timeout", "cause", err)
	}
}
