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
	started marks // as they were when it started
	// whole says that it goes through all states, as nobody has listed which of them have changed.
	whole bool
	after []byte // the next key to look at, among the changed or among all states
	done  bool
}

// listing says whether aggregates that change are put on a list. Before a first checkpoint there is no telling those that
// it must write from others, and a list would be a second key for each of them: a fold from zero would write it a
// million times. While that checkpoint goes through all states, what changes behind its back is listed for the next.
func (p *Partition) listing() bool { return p.checkpoint != nil || p.marks.markerNext >= 0 }

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
	c := checkpoint{started: p.marks, whole: p.marks.markerNext < 0, after: []byte(prefixChanged)}
	if c.whole {
		c.after = []byte(prefixState)
	}
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
	if c.whole {
		c.after, c.done, err = part.addStates(c.after, limit)
	} else {
		c.after, c.done, err = part.addChanged(c.after, limit)
	}
	if err != nil {
		return nil, false, err
	}
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

// full says that the part must not grow any more.
func (t *part) full(limit int) bool {
	return len(t.out.records) >= limit || len(t.out.buf) >= checkpointBytesMax
}

// addChanged adds the aggregates on the list of the changed, from a key on, and returns where to go on.
func (t *part) addChanged(from []byte, limit int) (after []byte, done bool, err error) {
	var keys [][]byte
	for pair, err := range t.p.store.Scan(from, []byte{prefixChanged[0], prefixChanged[1] + 1}) {
		if err != nil {
			return nil, false, fmt.Errorf("reading which aggregates have changed: %w", err)
		}
		if keys = append(keys, bytes.Clone(pair.Key)); len(keys) >= limit {
			break
		}
	}
	for _, listed := range keys {
		key, ok := parseKey(listed[len(prefixChanged):])
		if !ok {
			return nil, false, fmt.Errorf("the store names %q as changed, which is no aggregate", listed)
		}
		value, found, err := t.p.store.Get(key.stored())
		if err == nil && !found {
			err = errors.New("it is not there")
		}
		if err == nil {
			err = t.add(key, value, listed)
		}
		if err != nil {
			return nil, false, fmt.Errorf("reading %s %s from the store: %w", key.aggregate, key.id, err)
		}
		if from = append(listed, 0); t.full(limit) { // the first key behind it
			return from, false, nil
		}
	}
	return from, true, nil
}

// addStates adds the aggregates that have events which no snapshot has, from a key on, among all there are.
func (t *part) addStates(from []byte, limit int) (after []byte, done bool, err error) {
	for pair, err := range t.p.store.Scan(from, []byte{prefixState[0], prefixState[1] + 1}) {
		if err != nil {
			return nil, false, fmt.Errorf("reading every state: %w", err)
		}
		key, ok := parseKey(pair.Key[len(prefixState):])
		if !ok {
			return nil, false, fmt.Errorf("the store has a state of %q, which is no aggregate", pair.Key)
		}
		if err := t.add(key, bytes.Clone(pair.Value), nil); err != nil {
			return nil, false, fmt.Errorf("reading %s %s from the store: %w", key.aggregate, key.id, err)
		}
		if t.full(limit) {
			return append(bytes.Clone(pair.Key), 0), false, nil
		}
	}
	return from, true, nil
}

// add adds a snapshot of an aggregate, unless its newest has one, and takes it off the list of the changed: listed is its
// key there, nil if it is not known whether it has one.
func (t *part) add(key aggregateKey, value, listed []byte) error {
	kind, known := t.p.cache.kinds[key.aggregate]
	if !known {
		return fmt.Errorf("it is no aggregate of context %s", t.p.cfg.Context)
	}
	e, err := readEntry(value)
	if err != nil {
		return err
	}
	if listed == nil {
		if e.version == e.snapshot {
			return nil
		}
		if listed, err = t.listed(key); err != nil {
			return err
		}
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
	if listed != nil {
		t.fx.Deletes = append(t.fx.Deletes, listed)
	}
	if cached, ok := t.p.cache.get(kind, key.id); ok {
		fresh := cached.entry
		fresh.snapshot, fresh.listed = e.version, false
		t.fx.change.set(cached, &fresh)
	}
	return nil
}

// listed returns an aggregate's key on the list of the changed, nil if it is not there.
func (t *part) listed(key aggregateKey) ([]byte, error) {
	at := []byte(prefixChanged + key.aggregate + "/" + key.id)
	if _, found, err := t.p.store.Get(at); err != nil || !found {
		return nil, err
	}
	return at, nil
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
