package aggregator

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/engine"
)

const (
	// checkpointPart is how many snapshots one transaction of a checkpoint has at most: some ten milliseconds in which no
	// command is decided.
	checkpointPart = 5_000
	// checkpointPause is how long commands are waited for between two parts.
	checkpointPause = 5 * time.Millisecond
	// lastCheckpointPatience bounds the checkpoint at the end: what it does not reach is folded by the next owner.
	lastCheckpointPatience = 10 * time.Second
)

// checkpointDue begins a checkpoint of every partition when its time has come, and writes the next part of those under
// way: in transactions of their own between those of the commands, which therefore wait for no longer than one of them.
func (m *member) checkpointDue(ctx context.Context) error {
	if m.cfg.CheckpointEvery < 0 || !m.ready.Load() { // something is to be taken over first
		return nil
	}
	if m.cfg.Now().Sub(m.lastCheckpoint) >= m.cfg.CheckpointEvery && !m.checkpointing() {
		m.beginCheckpoints()
	}
	committed, err := m.checkpoint(ctx)
	if err == nil && !committed {
		err = m.startOver(ctx)
	}
	return err
}

func (m *member) beginCheckpoints() {
	m.lastCheckpoint = m.cfg.Now()
	for _, o := range m.owned {
		o.checkpoint = &Checkpoint{Partition: o.number}
	}
}

func (m *member) checkpointing() bool {
	for _, o := range m.owned {
		if o.checkpoint != nil {
			return true
		}
	}
	return false
}

// checkpoint writes the next part of every checkpoint under way, all in one transaction, which is fenced like any other
// by the partitions' places in their inputs. A part that is not known to be committed is made again.
func (m *member) checkpoint(ctx context.Context) (committed bool, err error) {
	parts, err := m.checkpointParts()
	if err != nil || len(parts) == 0 {
		return true, err
	}
	b := &batch{}
	for _, p := range parts {
		b.parts = append(b.parts, p.part)
	}
	now := m.cfg.Now().UnixMilli()
	committed, err = m.publish(ctx, b, func() error {
		for _, p := range b.parts {
			p.write(b.tx, m.cfg.Context, m.w.topics, now)
		}
		return nil
	})
	if err != nil || !committed {
		return false, err
	}
	for _, p := range parts {
		c := p.owned.checkpoint
		c.Snapshots += len(p.fx.Writes)
		if p.last {
			p.owned.checkpoint = nil
			c.Took = m.cfg.Now().Sub(m.lastCheckpoint)
			m.cfg.Observer.Checkpoint(m.cfg.Context, *c)
		}
	}
	return true, nil
}

// checkpointed is a partition's part in a transaction of checkpoints.
type checkpointed struct {
	*part
	last bool
}

// checkpointParts makes the next parts, each partition's on a goroutine of its own.
func (m *member) checkpointParts() (parts []*checkpointed, err error) {
	for _, o := range m.owned {
		if o.checkpoint != nil {
			parts = append(parts, &checkpointed{part: &part{owned: o}})
		}
	}
	var g errgroup.Group
	for _, c := range parts {
		g.Go(func() (err error) {
			writes, deletes, err := c.owned.p.States()
			if err == nil {
				err = c.owned.keep(writes, deletes)
			}
			if err != nil {
				return err
			}
			c.fx, c.last, err = c.owned.p.Checkpoint(max(1, checkpointPart/len(parts)))
			if errors.Is(err, engine.ErrSnapshotTooLarge) {
				m.cfg.Log.Warn("no checkpoint: a restore goes on from the last one", "context", m.cfg.Context, "partition", c.owned.number, "cause", err)
				c.fx, err = nil, nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var out []*checkpointed
	for _, c := range parts {
		if c.fx == nil { // nothing to write
			c.owned.checkpoint = nil
			continue
		}
		out = append(out, c)
	}
	return out, nil
}

// lastCheckpoints makes one of every partition before they are passed on, unless there is something to take over
// first: then their places in the inputs are not known. Without it the next owner folds more, and that is all.
func (m *member) lastCheckpoints() {
	if m.cfg.CheckpointEvery < 0 || !m.ready.Load() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastCheckpointPatience)
	defer cancel()
	m.beginCheckpoints()
	for m.checkpointing() {
		committed, err := m.checkpoint(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || !committed {
			m.cfg.Log.Warn("no checkpoint at the end: a restore folds what came since the last one", "context", m.cfg.Context, "cause", err)
			return
		}
	}
}
