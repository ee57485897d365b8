package sim

import (
	"bytes"
	"errors"
	"fmt"

	"recount/internal/engine"
	"recount/internal/statestore"
)

// folded: what each disk holds of a partition is what its events up to the store's own watermark fold to.
func (b *books) folded() (out []string) {
	for _, s := range b.stores {
		at := fmt.Sprintf("%s, partition %d", s.owner, s.partition)
		next, err := engine.StoredPosition(s.reader)
		if err != nil {
			out = append(out, at+": "+err.Error())
		}
		if err != nil || next < 0 { // nobody goes on from it: a restore that did not come to its end leaves such a store
			continue
		}
		held, err := statesIn(s.reader)
		if err != nil {
			out = append(out, at+": "+err.Error())
			continue
		}
		out = append(out, b.unlikeFold(fmt.Sprintf("%s up to %d", at, next), s.partition, next, held)...)
	}
	return out
}

// restored: every snapshot is what its aggregate's events fold to at that version, and a partition that has a complete
// checkpoint can be filled from its snapshots and the events behind it; the same once compaction has left of each key
// nothing but the newest.
func (b *books) restored() (out []string) {
	for n := range b.parts {
		snapshots := b.parts[n].snapshots
		out = append(out, b.falseSnapshots(int32(n))...)
		if !hasMarker(snapshots) {
			continue
		}
		for _, s := range []struct {
			what string
			list []record
		}{{"its snapshots", snapshots}, {"its compacted snapshots", newestOfEach(snapshots)}} {
			at := fmt.Sprintf("partition %d, restored from %s", n, s.what)
			held, err := b.restore(int32(n), s.list)
			if err != nil {
				out = append(out, at+": "+err.Error())
				continue
			}
			out = append(out, b.unlikeFold(at, int32(n), b.parts[n].eventsEnd, held)...)
		}
	}
	return out
}

// falseSnapshots compares each snapshot with the aggregate's events, applied one by one.
func (b *books) falseSnapshots(n int32) (out []string) {
	codec := b.frames.Context(contextName)
	type moment struct {
		name    string
		version int64
	}
	wanted := map[moment]engine.Snapshot{}
	for _, r := range b.parts[n].snapshots {
		if string(r.key) == engine.MarkerKey {
			continue
		}
		s, err := codec.DecodeSnapshot(r.value)
		if err != nil {
			out = append(out, fmt.Sprintf("snapshots/%d@%d: %v", n, r.offset, err))
			continue
		}
		wanted[moment{string(r.key), s.Version}] = s
	}
	states := map[string]any{}
	for _, e := range b.events[n] {
		name := e.name()
		if states[name] == nil {
			states[name] = e.Aggregate.Zero()
		}
		states[name] = e.Aggregate.Evolve(states[name], e.Body)
		at := moment{name, e.Meta.Version}
		s, taken := wanted[at]
		delete(wanted, at)
		if !taken {
			continue
		}
		if state, err := codec.AppendState(nil, e.Aggregate, states[name]); err != nil || !bytes.Equal(state, s.State) || s.Chain != e.Meta.Chain {
			out = append(out, fmt.Sprintf("the snapshot of %s at version %d is not what its events fold to %v", name, s.Version, err))
		}
	}
	for at := range wanted {
		out = append(out, fmt.Sprintf("there is a snapshot of %s at version %d, which never was", at.name, at.version))
	}
	return out
}

// restore fills an empty partition from snapshots and what came since, as a worker without a store does.
func (b *books) restore(n int32, snapshots []record) (map[string]string, error) {
	store := statestore.NewMemStore()
	p, err := engine.Open(b.config(n), store)
	if err != nil {
		return nil, err
	}
	r := p.Restore()
	if err := keep(store, r.Load(stored(snapshots))); err != nil {
		return nil, err
	}
	end := b.parts[n].eventsEnd
	if err := r.Finish(end, b.parts[n].refusalsEnd); err != nil {
		return nil, err
	}
	from, _ := p.Position()
	if err := foldInto(store, p, between(b.parts[n].events, from, end), end); err != nil {
		return nil, err
	}
	return statesIn(store)
}

// unlikeFold compares states with what a partition's events below next fold to, in one piece and from nothing.
func (b *books) unlikeFold(at string, n int32, next int64, held map[string]string) (out []string) {
	store := statestore.NewMemStore()
	p, err := engine.Open(b.config(n), store)
	if err != nil {
		return []string{at + ": " + err.Error()}
	}
	if err := foldInto(store, p, between(b.parts[n].events, 0, next), next); err != nil {
		return []string{at + ": " + err.Error()}
	}
	want, err := statesIn(store)
	if err != nil {
		return []string{at + ": " + err.Error()}
	}
	for key, state := range held {
		if want[key] != state {
			out = append(out, fmt.Sprintf("%s: %s is not what its events fold to", at, key))
		}
	}
	for key := range want {
		if _, is := held[key]; !is {
			out = append(out, fmt.Sprintf("%s: %s is missing", at, key))
		}
	}
	return out
}

// config opens an engine for looking at what a run left behind. Its codec is not the one that the run was given, which
// may lie.
func (b *books) config(n int32) engine.Config {
	return engine.Config{
		Context: contextName, Partition: n, Partitions: int32(len(b.parts)), Topics: b.topics, EventsID: b.eventsID, SnapshotsID: b.snapshotsID,
		Codec: b.frames.Context(contextName), DedupMillis: engine.DedupMillisDefault, DedupEntries: engine.DedupEntriesDefault,
		CacheBytes: engine.CacheBytesDefault, RecordBytesMax: engine.RecordBytesMaxDefault,
	}
}

// statesIn returns the aggregates that a store holds.
func statesIn(r engine.Reader) (map[string]string, error) {
	out := map[string]string{}
	for pair, err := range r.Scan(nil, nil) {
		if err != nil {
			return nil, err
		}
		a, ok, err := engine.ReadStored(pair)
		if err != nil {
			return nil, err
		}
		if ok {
			out[a.Aggregate+"/"+a.ID] = fmt.Sprintf("version %d %x %x", a.Version, a.Chain, a.State)
		}
	}
	return out, nil
}

// foldInto folds events and writes what p then knows into its store.
func foldInto(s statestore.Store, p *engine.Partition, events []engine.Stored, next int64) error {
	if err := p.FoldEvents(events, next); err != nil {
		return err
	}
	writes, _, err := p.Flush()
	return errors.Join(err, keep(s, writes))
}

func keep(s statestore.Store, writes []engine.Write) error {
	var batch statestore.Batch
	for _, w := range writes {
		batch.Set(w.Key, w.Value)
	}
	return s.Apply(&batch)
}

// between returns the records from ≤ offset < until.
func between(records []record, from, until int64) []engine.Stored {
	var out []record
	for _, r := range records {
		if r.offset >= from && r.offset < until {
			out = append(out, r)
		}
	}
	return stored(out)
}

func stored(records []record) []engine.Stored {
	out := make([]engine.Stored, len(records))
	for i, r := range records {
		out[i] = engine.Stored{Offset: r.offset, Key: r.key, Value: r.value}
	}
	return out
}

func hasMarker(snapshots []record) bool {
	for _, r := range snapshots {
		if string(r.key) == engine.MarkerKey {
			return true
		}
	}
	return false
}

// newestOfEach is what compaction leaves.
func newestOfEach(records []record) (out []record) {
	last := map[string]int64{}
	for _, r := range records {
		last[string(r.key)] = r.offset
	}
	for _, r := range records {
		if last[string(r.key)] == r.offset {
			out = append(out, r)
		}
	}
	return out
}
