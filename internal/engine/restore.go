package engine

import (
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"recount/internal/partition"
)

// ErrSnapshots says that the snapshots don't give every state: fold from zero.
var ErrSnapshots = errors.New("the snapshots can't be used")

// Restoration fills an empty partition from its snapshots:
//
//	r := p.Restore()
//	writes := r.Load(records)          // again and again, oldest first; writes go straight to the store
//	err := r.Finish(eventsEnd, …)      // ErrSnapshots: drop the store, and open it again empty
//	…fold from p.Position()…
//
// Nothing in the store says so before Finish: one that was left half-way is to be dropped.
type Restoration struct {
	p      *Partition
	marker *Marker
	broken error // why the newest marker can't be read
	// held are the aggregates loaded so far, by a hash of their keys. Two with the same hash count as one, and then too few
	// are found: that costs a fold from zero.
	held map[uint64]struct{}
	// foreign are those of which only a snapshot was met that another fold made.
	foreign    map[string]struct{}
	recordedAt int64
	eventsNext int64 // the highest in a snapshot
}

// Restore begins to fill p, which is empty.
func (p *Partition) Restore() *Restoration {
	p.vacant = false
	return &Restoration{p: p, held: map[uint64]struct{}{}, foreign: map[string]struct{}{}}
}

// Load takes records of the snapshot topic, oldest first, and returns what to store. The last of an aggregate counts.
func (r *Restoration) Load(batch []Stored) []Write {
	writes := make([]Write, 0, len(batch))
	for _, rec := range batch {
		if string(rec.Key) == MarkerKey {
			m, err := r.p.cfg.Codec.DecodeMarker(rec.Value)
			r.marker, r.broken = &m, err
			continue
		}
		if w, ok := r.load(rec); ok {
			writes = append(writes, w)
			writes = r.timers(writes, rec.Key, w.Value)
		}
	}
	return writes
}

// load passes over what is not of this partition's aggregates: what another epoch left in it, what an earlier
// incarnation of the event topic did.
func (r *Restoration) load(rec Stored) (w Write, ok bool) {
	cfg := &r.p.cfg
	key, ok := parseKey(rec.Key)
	kind, known := r.p.cache.kinds[key.aggregate]
	if !ok || !known || partition.Of(key.id, cfg.Partitions) != cfg.Partition {
		return Write{}, false
	}
	hash := xxhash.Sum64(rec.Key)
	s, err := cfg.Codec.DecodeSnapshot(rec.Value)
	switch {
	case err == nil && s.EventsID != cfg.EventsID:
		return Write{}, false
	case err != nil || s.Fold != cfg.Codec.Fold(kind.aggregate):
		// An older one of ours will do: nothing that the marker vouches for is missing in it. But compaction may have taken it.
		if _, held := r.held[hash]; !held {
			r.foreign[string(rec.Key)] = struct{}{}
		}
		return Write{}, false
	}
	r.held[hash] = struct{}{}
	delete(r.foreign, string(rec.Key))
	r.recordedAt = max(r.recordedAt, s.RecordedAt)
	r.eventsNext = max(r.eventsNext, s.EventsNext)
	e := storedEntry{version: s.Version, snapshot: s.Version, chain: s.Chain, state: s.State}
	return Write{key.stored(), e.append(make([]byte, 0, len(s.State)+storedBytesUsual))}, true
}

// Finish ends the loading. eventsEnd and refusalsEnd are the ends of these logs, taken after the snapshots were read, and
// are to be folded up to. Taken before, snapshots of a partition that is being written could seem to be ahead of its log.
// Whoever reads the snapshots of such a partition reads on to their end of now: one that compaction takes meanwhile for a
// newer one can go unnoticed, because the aggregates that were born since the checkpoint make up its count.
func (r *Restoration) Finish(eventsEnd, refusalsEnd int64) error {
	if why := r.unfit(eventsEnd, refusalsEnd); why != nil {
		return fmt.Errorf("%w: %w", ErrSnapshots, why)
	}
	p, m := r.p, r.marker
	p.marks = marks{
		eventsNext: m.EventsNext, refusalsNext: m.RefusalsNext, recordedAt: max(m.RecordedAt, r.recordedAt),
		aggregates: int64(len(r.held)), markerNext: m.EventsNext,
	}
	for _, s := range m.Sources {
		for c, t := range p.cfg.Topics {
			if s.Topic == t.Name && s.Incarnation == t.ID {
				p.marks.sourceNext[c] = s.Next
			}
		}
	}
	p.foldFrom = m.EventsNext
	return p.loadAgenda()
}

// timers appends what the store needs of a process's timers. Those of an older snapshot stay: they are stale when due.
func (r *Restoration) timers(writes []Write, key, entry []byte) []Write {
	k, _ := parseKey(key)
	kind := r.p.cache.kinds[k.aggregate]
	if kind.process == nil {
		return writes
	}
	e, err := decodeEntry(entry, r.p.cfg.Codec, kind.aggregate)
	if err != nil {
		r.foreign[string(key)] = struct{}{}
		return writes
	}
	for _, t := range kind.process.Timers(e.state) {
		writes = append(writes, Write{Key: alarm{due: t.Due, aggregate: k.aggregate, id: k.id, name: t.Name}.stored()})
	}
	return writes
}

// unfit says why the marker and the snapshots don't give every state, nil if they do.
func (r *Restoration) unfit(eventsEnd, refusalsEnd int64) error {
	cfg, m := &r.p.cfg, r.marker
	switch {
	case m == nil:
		return errors.New("no checkpoint is complete")
	case r.broken != nil:
		return fmt.Errorf("the newest marker can't be read: %w", r.broken)
	case m.Partitions != cfg.Partitions:
		return fmt.Errorf("they were made under a count of %d partitions", m.Partitions)
	case m.EventsID != cfg.EventsID:
		return errors.New("they were made of an event topic that is gone")
	case max(m.EventsNext, r.eventsNext) > eventsEnd || m.RefusalsNext > refusalsEnd:
		return fmt.Errorf("they reach up to event %d and refusal %d, the logs end at %d and %d: an older copy was put in their place",
			max(m.EventsNext, r.eventsNext), m.RefusalsNext, eventsEnd, refusalsEnd)
	case int64(len(r.held)) < m.Aggregates:
		return fmt.Errorf("%d of %d aggregates are missing", m.Aggregates-int64(len(r.held)), m.Aggregates)
	case len(r.foreign) > 0:
		return fmt.Errorf("%d were made by another revision of their aggregate, or with another state", len(r.foreign))
	}
	for _, f := range m.Folds {
		if kind, ok := r.p.cache.kinds[f.Aggregate]; ok && cfg.Codec.Fold(kind.aggregate) != f.Fold {
			return fmt.Errorf("the checkpoint was made by another revision of %s, or with another state", f.Aggregate)
		}
	}
	return nil
}

// Recall tells where in the logs the dedup window begins, before the fold does. What lies below is folded without being
// remembered; where the snapshots reach further, the fold goes back as far as this, and only remembers.
func (p *Partition) Recall(events, refusals int64) {
	p.rememberFrom.events, p.rememberFrom.refusals = events, refusals
	p.marks.eventsNext = min(p.marks.eventsNext, events)
	p.marks.refusalsNext = min(p.marks.refusalsNext, refusals)
}

// storedBytesUsual is what an entry takes beside its state, as a rule.
const storedBytesUsual = 48
