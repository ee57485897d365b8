package engine_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

func partitionOf(id string) int32 { return partition.Of(id, rigPartitions) }

// twin is a copy of r's log with a partition of its own that knows nothing yet.
func (r *rig) twin() *rig {
	r.t.Helper()
	c := *r
	c.lose()
	return &c
}

// life is a random script of one partition: commands in batches, retries, refusals, restarts, and checkpoints whose
// parts come at random moments and may have an unknown outcome.
type life struct {
	*rig
	rng  *rand.Rand
	ids  []string
	sent []engine.Input
}

func newLife(t *testing.T, seed uint64, every int64) *life {
	t.Helper()
	l := &life{rig: newRig(t, 1), rng: rand.New(rand.NewPCG(seed, 3))}
	l.cfg.SnapshotEvery = every
	l.open()
	l.ids = l.rig.ids(9)
	return l
}

func (l *life) turn() {
	switch l.rng.IntN(8) {
	case 0, 1:
		l.checkpointPart(1 + l.rng.IntN(4))
	case 2:
		if fx, _, err := l.p.Checkpoint(3); err != nil {
			l.t.Fatal(err)
		} else if fx != nil && l.rng.IntN(2) == 0 { // unknown outcome: it arrived, and nobody here knows
			l.publish(fx)
		}
	case 3:
		l.open() // a restart with its disk: a checkpoint under way is forgotten
		l.foldAll()
	default:
		var batch []engine.Input
		for range 1 + l.rng.IntN(4) {
			batch = append(batch, l.another())
		}
		l.commit(l.step(int64(len(l.sent)), batch...))
	}
}

// another is the next command: an addition that may be refused or change nothing, or an earlier one again.
func (l *life) another() engine.Input {
	if len(l.sent) > 0 && l.rng.IntN(6) == 0 {
		again := l.sent[l.rng.IntN(len(l.sent))]
		return l.input(again.Value)
	}
	id := l.ids[l.rng.IntN(len(l.ids))]
	in := l.command("add", id, fmt.Sprint("c", len(l.sent)), fmt.Sprintf(`{"by":%d,"times":%d}`, l.rng.IntN(25), l.rng.IntN(3)))
	l.sent = append(l.sent, in)
	return in
}

// behaviour is everything that can be seen of a partition from outside: what it answers to new commands on every
// aggregate and to all earlier ones, sent again.
func (l *life) behaviour(r *rig) any {
	r.t.Helper()
	var batch []engine.Input
	r.next = l.rig.next
	r.p.Start(engine.Commands, r.next[engine.Commands]) // where the group stands
	for i, id := range l.ids {
		batch = append(batch, r.command("add", id, fmt.Sprint("probe", i), `{"by":1,"times":1}`))
	}
	for _, in := range l.sent {
		batch = append(batch, r.input(in.Value))
	}
	fx, err := r.p.Step(1<<40, batch)
	if err != nil {
		r.t.Fatal(err)
	}
	events, refusals := r.p.Position()
	fx.Counts.CacheHits, fx.Counts.CacheMisses = 0, 0 // who is remembered in memory is nobody's business
	return []any{fx.Events, fx.Refusals, fx.Counts, fx.Next, events, refusals, r.p.RecordedAt()}
}

// fromZero is a twin that has folded every event.
func (l *life) fromZero() *rig {
	z := l.twin()
	z.foldAll()
	return z
}

// fromSnapshots is a twin that has folded the events after the snapshots. The dedup window reaches back to the start.
func (l *life) fromSnapshots(snapshots []engine.Stored) (*rig, error) {
	s := l.twin()
	if err := s.load(snapshots); err != nil {
		return nil, err
	}
	s.p.Recall(0, 0)
	return s, s.tryFold(s.events)
}

const (
	lives     = 30
	lifeTurns = 30
)

// TestASnapshotAndTheTailAreWorthTheWholeLog: at any moment of any life, with the snapshot log compacted or not, a
// partition that is restored from snapshots can't be told from one that is folded from zero.
func TestASnapshotAndTheTailAreWorthTheWholeLog(t *testing.T) {
	t.Parallel()
	used, folded := 0, 0
	for seed := range uint64(lives) {
		l := newLife(t, seed, []int64{0, 2, 5}[seed%3])
		for range lifeTurns {
			l.turn()
			snapshots := l.snapshots
			if l.rng.IntN(2) == 0 {
				snapshots = compacted(snapshots)
			}
			got, err := l.fromSnapshots(snapshots)
			if errors.Is(err, engine.ErrSnapshots) && !hasMarker(l.snapshots) {
				continue
			}
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			used++
			if int64(len(l.events)) > l.marker(lastMarker(l.snapshots)).EventsNext {
				folded++
			}
			zero := l.fromZero()
			if next := got.p.Next(engine.Commands); next < zero.p.Next(engine.Commands) || next > l.next[engine.Commands] {
				t.Fatalf("seed %d: decided up to %d of %d, the log alone says %d", seed, next, l.next[engine.Commands], zero.p.Next(engine.Commands))
			}
			if !reflect.DeepEqual(l.behaviour(got), l.behaviour(zero)) {
				t.Fatalf("seed %d: a partition from snapshots behaves otherwise than one from zero", seed)
			}
		}
	}
	if used < lives*lifeTurns/3 || folded < used/3 {
		t.Fatalf("too tame: %d restores from snapshots, %d of them with events to fold", used, folded)
	}
}

func hasMarker(log []engine.Stored) bool { return lastMarker(log).Value != nil }

func lastMarker(log []engine.Stored) (last engine.Stored) {
	for _, r := range log {
		if string(r.Key) == engine.MarkerKey {
			last = r
		}
	}
	return last
}

// TestThePropertyCatches breaks, one at a time, what the property rests on, and sees it fail.
func TestThePropertyCatches(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(l *life, snapshots []engine.Stored) []engine.Stored{
		"a fold over snapshots that does not look at versions": withoutVersions,
		"a marker that tells where its checkpoint ended":       markedAtTheEnd,
		"a snapshot of another revision, accepted":             ofAnotherRevision,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			caught, tried := 0, 0
			for seed := range uint64(lives) {
				l := newLife(t, seed, 0)
				for range lifeTurns {
					l.turn()
				}
				if !hasMarker(l.snapshots) {
					continue
				}
				tried++
				got, err := l.fromSnapshots(spoil(l, compacted(l.snapshots)))
				if err != nil || !reflect.DeepEqual(l.behaviour(got), l.behaviour(l.fromZero())) {
					caught++
				}
			}
			if caught == 0 || tried < lives/2 {
				t.Fatalf("caught in %d of %d lives", caught, tried)
			}
			t.Logf("caught in %d of %d lives", caught, tried)
		})
	}
}

// each returns the log with every snapshot altered.
func (l *life) each(snapshots []engine.Stored, alter func(id string, s *engine.Snapshot)) (out []engine.Stored) {
	for _, r := range snapshots {
		if string(r.Key) != engine.MarkerKey {
			s := l.snapshot(engine.Record{Value: r.Value})
			alter(string(r.Key[len("counter/"):]), &s)
			value, err := l.cfg.Codec.AppendSnapshot(nil, &s)
			if err != nil {
				l.t.Fatal(err)
			}
			r.Value = value
		}
		out = append(out, r)
	}
	return out
}

// withoutVersions makes the guard blind: a snapshot claims the version of the last event before the marker, so that
// those which it has and which are folded again pass for new.
func withoutVersions(l *life, snapshots []engine.Stored) []engine.Stored {
	before := map[string]int64{}
	for _, rec := range l.events[:l.marker(lastMarker(snapshots)).EventsNext] {
		e, err := l.cfg.Codec.DecodeEvent(rec.Value)
		if err != nil {
			l.t.Fatal(err)
		}
		before[e.Meta.AggregateID] = e.Meta.Version
	}
	return l.each(snapshots, func(id string, s *engine.Snapshot) { s.Version = before[id] })
}

// markedAtTheEnd moves the marker up to the events there were when it was written.
func markedAtTheEnd(l *life, snapshots []engine.Stored) []engine.Stored {
	end := int64(0)
	for _, r := range snapshots {
		if string(r.Key) == engine.MarkerKey {
			break
		}
		end = max(end, l.snapshot(engine.Record{Value: r.Value}).EventsNext)
	}
	out := append([]engine.Stored(nil), snapshots...)
	for i, r := range out {
		if string(r.Key) == engine.MarkerKey {
			m := l.marker(r)
			m.EventsNext = max(m.EventsNext, end)
			value, err := l.cfg.Codec.AppendMarker(nil, &m)
			if err != nil {
				l.t.Fatal(err)
			}
			out[i].Value = value
		}
	}
	return out
}

// doubling is the counter of another revision: it counts everything twice.
type doubling struct {
	Total int64  `avro:"total"`
	Text  string `avro:"text"`
}

func (d doubling) Decide(c labCommand) ([]labEvent, error) { return counter(d).Decide(c) }

func (d doubling) Evolve(e labEvent) doubling {
	return doubling(counter(doubling(counter(d).Evolve(e))).Evolve(e))
}

// ofAnotherRevision replaces the states by those of the other revision, under our name.
func ofAnotherRevision(l *life, snapshots []engine.Stored) []engine.Stored {
	context := lab(2)
	context.Aggregates[0] = es.Declare(es.Type[doubling, labCommand, labEvent]{
		Name: "counter", Revision: 2,
		Commands: map[string]labCommand{"Add": add{}, "Explode": explode{}, "Grow": grow{}},
		Events:   map[string]labEvent{"Added": added{}, "Grown": grown{}},
	})
	theirs := newRigOf(l.t, context)
	theirs.events, theirs.refusals = l.events, l.refusals
	theirs.foldAll()
	theirs.flush()
	theirs.checkpoint()
	ours := l.cfg.Codec.Fold(l.cfg.Codec.Aggregates()[0])
	out := l.each(theirs.snapshots, func(_ string, s *engine.Snapshot) { s.Fold = ours })
	return append(out[:len(out)-1], lastMarker(snapshots))
}
