package engine

import (
	"bytes"
	"errors"
	"fmt"
)

// ErrSnapshotTooLarge says that an aggregate's state does not fit into a record, so that no checkpoint can be complete.
// A restore goes on from the last one that was, or from zero.
var ErrSnapshotTooLarge = errors.New("a state is too large for a snapshot")

// checkpointBytesMax bounds one part of a checkpoint, whatever its number of snapshots.
const checkpointBytesMax = 8 << 20

// checkpoint is one under way: a value, replaced with each part that is known to be committed.
type checkpoint struct {
	started marks  // as they were when it started
	after   []byte // the next key to look at among the changed
	done    bool
}

// Checkpoint returns the next part of a checkpoint, at most limit snapshots, and whether it is the last. Each part is
// published in a transaction of its own and then given to Commit, as the Effects of a step are, with steps in between
// as they come; what States returns must be in the store before. No part is returned if nothing has changed
// since the last checkpoint.
//
// A part that is not known to be committed is made again: its aggregates are still among the changed.
//
// Why the marker, in the last part, tells where the checkpoint STARTED: an aggregate that had an event before that point
// was either among the changed, and is written when its turn comes, or a snapshot of it was there already. An event
// that comes meanwhile may concern an aggregate whose turn is over, and is in no snapshot.
func (p *Partition) Checkpoint(limit int) (fx *Effects, last bool, err error) {
	c := checkpoint{started: p.marks, after: []byte(prefixChanged)}
	if p.checkpoint != nil {
		c = *p.checkpoint
	} else if p.marks.markerNext == p.marks.eventsNext {
		return nil, true, nil
	}
	if len(p.dirty) > 0 {
		panic("engine: a checkpoint before the store has what States returns")
	}
	fx = &Effects{Counts: Counts{Refused: map[string]int{}}, change: p.begin(change{})}
	fx.change.checkpoint = &c
	for i := range fx.Next {
		fx.Next[i] = -1
	}
	part := part{p: p, fx: fx, out: snapshotter{p: p, recordedAt: p.marks.recordedAt}}
	keys, err := p.changedFrom(c.after, limit)
	if err != nil {
		return nil, false, err
	}
	for _, key := range keys {
		if err := part.add(key); err != nil {
			return nil, false, err
		}
		c.after = append(key, 0) // the first key behind it
		if len(part.out.buf) >= checkpointBytesMax {
			break
		}
	}
	c.done = len(part.out.records) < limit && len(part.out.buf) < checkpointBytesMax
	if c.done {
		if err := part.mark(&c.started); err != nil {
			return nil, false, err
		}
	}
	fx.Snapshots = part.out.records
	return fx, c.done, nil
}

// Checkpointing says whether a checkpoint is under way.
func (p *Partition) Checkpointing() bool { return p.checkpoint != nil }

// changedFrom returns the first keys of the changed aggregates, from a key on.
func (p *Partition) changedFrom(from []byte, limit int) (keys [][]byte, err error) {
	for pair, err := range p.store.Scan(from, []byte{prefixChanged[0], prefixChanged[1] + 1}) {
		if err != nil {
			return nil, fmt.Errorf("reading which aggregates have changed: %w", err)
		}
		if keys = append(keys, bytes.Clone(pair.Key)); len(keys) >= limit {
			break
		}
	}
	return keys, nil
}

// advance takes a committed part over.
func (p *Partition) advance(c *checkpoint) {
	p.checkpoint = c
	if c.done {
		p.checkpoint, p.marks.markerNext = nil, c.started.eventsNext
	}
}

// part is one part of a checkpoint in the making.
type part struct {
	p   *Partition
	fx  *Effects
	out snapshotter
}

// add takes the aggregate whose key among the changed this is off that list, with a snapshot of it.
func (t *part) add(changed []byte) error {
	key, ok := parseKey(changed[len(prefixChanged):])
	kind, known := t.p.cache.kinds[key.aggregate]
	if !ok || !known {
		return fmt.Errorf("the store names %q as changed, which is no aggregate of context %s", changed, t.p.cfg.Context)
	}
	value, found, err := t.p.store.Get(key.stored())
	if err == nil && !found {
		err = errors.New("it is not there")
	}
	if err != nil {
		return fmt.Errorf("reading %s %s from the store: %w", key.aggregate, key.id, err)
	}
	e, err := readEntry(value)
	if err != nil {
		return fmt.Errorf("decoding %s %s from the store: %w", key.aggregate, key.id, err)
	}
	fits, err := t.out.add(key, &e)
	if err != nil {
		return err
	}
	if !fits {
		return fmt.Errorf("%w: %s %s, %d bytes", ErrSnapshotTooLarge, key.aggregate, key.id, len(e.state))
	}
	e.snapshot = e.version
	t.fx.Writes = append(t.fx.Writes, Write{key.stored(), e.append(make([]byte, 0, len(value)+1))})
	t.fx.Deletes = append(t.fx.Deletes, changed)
	if cached, ok := t.p.cache.get(kind, key.id); ok {
		fresh := cached.entry
		fresh.snapshot, fresh.listed = e.version, false
		t.fx.change.set(cached, &fresh)
	}
	return nil
}

// mark ends the checkpoint.
func (t *part) mark(started *marks) error {
	cfg := &t.p.cfg
	m := Marker{
		Partitions: cfg.Partitions, EventsID: cfg.EventsID, EventsNext: started.eventsNext, RefusalsNext: started.refusalsNext,
		RecordedAt: started.recordedAt, Aggregates: started.aggregates,
	}
	for c, topic := range cfg.Topics {
		m.Sources = append(m.Sources, Consumed{topic.Name, topic.ID, started.sourceNext[c]})
	}
	for _, a := range cfg.Codec.Aggregates() {
		m.Folds = append(m.Folds, Folded{a.Name(), cfg.Codec.Fold(a)})
	}
	value, err := cfg.Codec.AppendMarker(nil, &m)
	if err != nil {
		return fmt.Errorf("marking a checkpoint of %s/%d as complete: %w", cfg.Context, cfg.Partition, err)
	}
	t.out.records = append(t.out.records, Record{Partition: cfg.Partition, Key: []byte(MarkerKey), Value: value})
	return nil
}
