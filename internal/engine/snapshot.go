package engine

import (
	"fmt"

	"recount/internal/es"
)

// Snapshot is the newest state of one aggregate, for <ctx>.snapshots, under the key "<type>/<aggregate ID>". It saves
// folding and is never the truth: one that was made by another fold, or of another event topic, is not looked at.
type Snapshot struct {
	Version    int64
	Chain      es.Hash
	RecordedAt int64 // the partition's last recorded time
	// EventsNext is the event offset before the snapshot's transaction: a log that ends before it has lost what this tells.
	EventsNext int64
	EventsID   es.ID   // incarnation of the event topic
	Fold       es.Hash // how State came about: Codec.Fold
	State      []byte  // as Codec.AppendState writes it
}

// Marker ends a checkpoint: every aggregate is in a snapshot before it, as it was at EventsNext or later. Each replaces
// the one before it, and only complete checkpoints have one.
type Marker struct {
	Partitions int32 // the epoch's count
	EventsID   es.ID // incarnation of the event topic
	// EventsNext and RefusalsNext are the offsets at which the checkpoint STARTED. What came while it was written is not in
	// every snapshot, and must be folded over them.
	EventsNext, RefusalsNext int64
	RecordedAt               int64 // the partition's last recorded time
	Aggregates               int64 // how many there were
	Sources                  []Consumed
	Folds                    []Folded
}

// Consumed is how far an input was decided: one above its highest source.
type Consumed struct {
	Topic       string
	Incarnation es.ID
	Next        int64
}

// Folded is how the states of an aggregate type came about.
type Folded struct {
	Aggregate string
	Fold      es.Hash
}

// MarkerKey is the key of a partition's marker: compaction keeps the newest. Snapshots' keys contain a slash.
const MarkerKey = "checkpoint"

// snapshotter makes snapshots, their keys and values in one buffer.
type snapshotter struct {
	p          *Partition
	recordedAt int64
	buf        []byte
	records    []Record
}

// add makes a snapshot of e, unless it would be too large for a record.
func (s *snapshotter) add(key aggregateKey, e *storedEntry) (fits bool, err error) {
	cfg := &s.p.cfg
	start := len(s.buf)
	buf := append(append(append(s.buf, key.aggregate...), '/'), key.id...)
	value := len(buf)
	if buf, err = cfg.Codec.AppendSnapshot(buf, &Snapshot{
		Version: e.version, Chain: e.chain, RecordedAt: s.recordedAt, EventsNext: s.p.marks.eventsNext, EventsID: cfg.EventsID,
		Fold: cfg.Codec.Fold(s.p.cache.kinds[key.aggregate].aggregate), State: e.state,
	}); err != nil {
		return false, fmt.Errorf("taking a snapshot of %s %s: %w", key.aggregate, key.id, err)
	}
	if len(buf)-value > cfg.RecordBytesMax {
		return false, nil
	}
	s.buf = buf
	s.records = append(s.records, Record{Partition: cfg.Partition, Key: buf[start:value:value], Value: buf[value:len(buf):len(buf)]})
	return true, nil
}

// snapshots adds one of each aggregate that is due to the effects: the state after the batch, in the batch's own transaction.
func (s *step) snapshots() error {
	if len(s.due) == 0 {
		return nil
	}
	out := snapshotter{p: s.p, recordedAt: s.at}
	for _, x := range s.due {
		e := s.fx.change.at(x)
		e.due = false
		state, err := s.p.cfg.Codec.AppendState(nil, x.kind.aggregate, e.state)
		if err != nil {
			return fmt.Errorf("encoding the state of %s %s: %w", x.kind.name, x.id, err)
		}
		fits, err := out.add(aggregateKey{x.kind.name, x.id}, &storedEntry{version: e.version, chain: e.chain, state: state})
		if err != nil {
			return err
		}
		if fits {
			e.snapshot = e.version
		}
	}
	s.fx.Snapshots = out.records
	return nil
}
