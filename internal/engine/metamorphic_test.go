package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
)

// world is everything outside the engine: command topics, a committed log that moves atomically with the group's
// offsets, and stores that lag behind.
type world struct {
	t      testing.TB
	codec  *serde.Codec
	root   statestore.Root
	leases *statestore.Leases
	rng    *rand.Rand
	batch  int
	// crashes is how likely each of a batch's crash points is.
	crashes float64
	// broken leaves out the fold after a crash: the negative control.
	broken bool
	// snapshots are written, and a crash that costs the disk is healed by them.
	snapshots bool
	restored  int // times that they healed one
	parts     []*worldPartition
}

type worldPartition struct {
	cfg              engine.Config
	commands         []engine.Input
	events, refusals []engine.Stored
	snapshots        []engine.Stored
	committed        int64 // the group's offset: moves with events and refusals
	// What a crash loses.
	p       *engine.Partition
	lease   *statestore.Lease
	overlay *statestore.Overlay
	lost    bool // the disk, too
}

func newWorld(t testing.TB, root statestore.Root, partitions int32, batch int, crashes float64, seed uint64) *world {
	t.Helper()
	catalog, err := serde.NewCatalog(labSchemas(t), []es.Context{lab(1)})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, codec: catalog.Offline(), root: root, leases: statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		rng: rand.New(rand.NewPCG(seed, 1)), batch: batch, crashes: crashes}
	for p := range partitions {
		w.parts = append(w.parts, &worldPartition{cfg: engine.Config{
			Context: "lab", Partition: p, Partitions: partitions,
			Topics: [2]engine.Topic{{Name: "lab.commands", ID: es.ID{1}}, {Name: "lab.dispatch", ID: es.ID{2}}},
			Codec:  w.codec.Context("lab"), DedupMillis: 1 << 40, DedupEntries: 1 << 20, CacheBytes: 5_000, RecordBytesMax: 10_000,
		}})
	}
	return w
}

// withSnapshots has them written often.
func (w *world) withSnapshots(on bool) {
	w.snapshots = on
	for _, p := range w.parts {
		if on {
			p.cfg.SnapshotEvery = 10
		}
	}
}

// script publishes the same commands whatever the world looks like: adds, refusals, conflicts, retries up to 20 commands late.
func (w *world) script(n int) {
	rng := rand.New(rand.NewPCG(7, 7)) // not the world's: the script is the same in all of them
	var sent []engine.Input
	for i := range n {
		meta := es.CommandMeta{AggregateID: fmt.Sprint("a", rng.IntN(12)), CommandID: fmt.Sprint("c", i)}
		if rng.IntN(4) == 0 {
			v := rng.Int64N(6)
			meta.ExpectedVersion = &v
		}
		frame, err := w.codec.CommandFromJSON("lab.counter.add", meta, fmt.Appendf(nil, `{"by":%d,"times":%d}`, rng.IntN(30)-10, rng.IntN(3)))
		if err != nil {
			w.t.Fatal(err)
		}
		in := engine.Input{Key: []byte(meta.AggregateID), Value: frame}
		sent = append(sent, in)
		w.publish(in)
		if rng.IntN(10) == 0 {
			w.publish(sent[max(0, len(sent)-1-rng.IntN(20))])
		}
	}
}

func (w *world) publish(in engine.Input) {
	p := w.parts[partition.Of(in.Key, int32(len(w.parts)))]
	in.Offset = int64(len(p.commands))
	p.commands = append(p.commands, in)
}

func (w *world) run() {
	for {
		var open []*worldPartition
		for _, p := range w.parts {
			if p.committed < int64(len(p.commands)) {
				open = append(open, p)
			}
		}
		if len(open) == 0 {
			break
		}
		w.turn(open[w.rng.IntN(len(open))])
	}
	for _, p := range w.parts {
		if p.p != nil {
			w.flush(p)
			w.crash(p)
		}
	}
}

func (w *world) crashHere() bool { return w.rng.Float64() < w.crashes }

// turn decides one batch of p, and dies at a random point.
func (w *world) turn(p *worldPartition) {
	if p.p == nil {
		w.takeOver(p)
	}
	end := min(p.committed+int64(w.batch), int64(len(p.commands)))
	fx, err := p.p.Step(1_000+p.committed, p.commands[p.committed:end])
	if err != nil {
		w.t.Fatal(err)
	}
	if w.crashHere() { // before the transaction
		w.crash(p)
		return
	}
	if !w.commit(p, fx) {
		return
	}
	if w.snapshots && w.rng.IntN(2) == 0 {
		writes, deletes, err := p.p.States()
		if err != nil {
			w.t.Fatal(err)
		}
		w.set(p, writes, deletes)
		fx, _, err := p.p.Checkpoint(1 + w.rng.IntN(5))
		if err != nil {
			w.t.Fatal(err)
		}
		if fx != nil && !w.commit(p, fx) {
			return
		}
	}
	if w.rng.IntN(3) == 0 {
		w.flush(p)
	}
}

// commit publishes fx and takes it over, and reports whether it got that far.
func (w *world) commit(p *worldPartition, fx *engine.Effects) bool {
	p.events = appendStored(p.events, fx.Events)
	p.refusals = appendStored(p.refusals, fx.Refusals)
	p.snapshots = appendStored(p.snapshots, fx.Snapshots)
	p.committed = max(p.committed, fx.Next[engine.Commands])
	if w.crashHere() { // after the transaction, before memory and store
		w.crash(p)
		return false
	}
	p.p.Commit(fx, int64(len(p.events)), int64(len(p.refusals)))
	w.set(p, fx.Writes, fx.Deletes)
	if w.crashHere() { // committed states still in the overlay
		w.crash(p)
		return false
	}
	return true
}

func (w *world) set(p *worldPartition, writes []engine.Write, deletes [][]byte) {
	for _, x := range writes {
		if err := p.overlay.Set(x.Key, x.Value); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, key := range deletes {
		if err := p.overlay.Delete(key); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) flush(p *worldPartition) {
	writes, deletes, err := p.p.Flush()
	if err != nil {
		w.t.Fatal(err)
	}
	w.set(p, writes, deletes)
	position, _ := p.p.Position()
	var b statestore.Batch
	if err := p.overlay.Flush(&b, func(b *statestore.Batch) error {
		outcome, err := p.lease.Apply(position, b)
		if err == nil && outcome != statestore.Applied {
			err = errors.New(outcome.String())
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) crash(p *worldPartition) {
	if err := p.lease.Release(); err != nil {
		w.t.Fatal(err)
	}
	p.p, p.lease, p.overlay = nil, nil, nil
	p.lost = w.rng.IntN(20) == 0
}

func (w *world) open(p *worldPartition) {
	acquire := w.leases.Acquire
	if p.lost {
		acquire = w.leases.AcquireEmpty
	}
	var err error
	if p.lease, err = acquire(context.Background(), fmt.Sprint("lab.", p.cfg.Partition)); err != nil {
		w.t.Fatal(err)
	}
	p.overlay = statestore.NewOverlay(p.lease)
	if p.p, err = engine.Open(p.cfg, p.overlay); err != nil {
		w.t.Fatal(err)
	}
}

// restore fills the partition from its snapshots, compacted or not, if they give every state.
func (w *world) restore(p *worldPartition) {
	snapshots := p.snapshots
	if w.rng.IntN(2) == 0 {
		snapshots = compacted(snapshots)
	}
	r := p.p.Restore()
	writes := r.Load(snapshots)
	if r.Finish(int64(len(p.events)), int64(len(p.refusals))) != nil {
		return
	}
	w.restored++
	w.set(p, writes, nil)
	p.p.Recall(0, 0)
}

func (w *world) takeOver(p *worldPartition) {
	w.open(p)
	if p.lost && w.snapshots {
		w.restore(p)
	}
	if !w.broken {
		events, refusals := p.p.Position()
		if err := p.p.FoldEvents(p.events[events:], int64(len(p.events))); err != nil {
			w.t.Fatal(err)
		}
		if err := p.p.FoldRefusals(p.refusals[refusals:], int64(len(p.refusals))); err != nil {
			w.t.Fatal(err)
		}
	}
	p.p.Start(engine.Commands, p.committed)
}

// story is what an aggregate's log says, without where and when it was written.
type story struct {
	Event, Command string
	Version        int64
	ID             es.ID
	Body           any
}

// stories returns each aggregate's events, and each command's recorded refusal.
func (w *world) stories() (map[string][]story, map[string]string) {
	events, refusals := map[string][]story{}, map[string]string{}
	for _, p := range w.parts {
		for _, s := range p.events {
			e, err := p.cfg.Codec.DecodeEvent(s.Value)
			if err != nil {
				w.t.Fatal(err)
			}
			events[e.Meta.AggregateID] = append(events[e.Meta.AggregateID], story{e.Type, e.Meta.CommandID, e.Meta.Version, e.Meta.EventID, e.Body})
		}
		for _, s := range p.refusals {
			m, r, _, err := p.cfg.Codec.DecodeRefusal(s.Value)
			if err != nil {
				w.t.Fatal(err)
			}
			refusals[m.CommandID] += string(r.Outcome) + " " + r.Code + ";"
		}
	}
	return events, refusals
}

// faults checks what must hold in every world.
func faults(events map[string][]story) (out []string) {
	seen := map[es.ID]bool{}
	for id, list := range events {
		for i, e := range list {
			if e.Version != int64(i+1) {
				out = append(out, fmt.Sprintf("%s: version %d in place %d", id, e.Version, i+1))
			}
			if seen[e.ID] {
				out = append(out, fmt.Sprintf("%s: event %v twice", id, e.ID))
			}
			seen[e.ID] = true
		}
	}
	return out
}

// TestTheSameScriptGivesTheSameEvents is the metamorphic test: one command script, and whatever the batch, the store,
// the number of partitions, the crashes and the snapshots are, the same events for each aggregate and the same refusals.
func TestTheSameScriptGivesTheSameEvents(t *testing.T) {
	t.Parallel()
	const commands = 1_000
	reference := newWorld(t, statestore.NewMem(), 1, commands, 0, 0)
	reference.script(commands)
	reference.run()
	wantEvents, wantRefusals := reference.stories()
	if len(wantEvents) != 12 || len(wantRefusals) < commands/20 || len(faults(wantEvents)) > 0 {
		t.Fatalf("the script is too tame: %d aggregates, %d refusals, faults %v", len(wantEvents), len(wantRefusals), faults(wantEvents))
	}
	for _, store := range []string{"mem", "pebble"} {
		for _, partitions := range []int32{1, 8} {
			for _, batch := range []int{1, 7, 500} {
				for _, crashes := range []float64{0, 0.25} {
					for _, snapshots := range []bool{false, true} {
						t.Run(fmt.Sprintf("%s/%d partitions/batch %d/crashes %v/snapshots %v", store, partitions, batch, crashes, snapshots), func(t *testing.T) {
							t.Parallel()
							w := newWorld(t, openRoot(t, store), partitions, batch, crashes, uint64(batch))
							w.withSnapshots(snapshots)
							w.script(commands)
							w.run()
							events, refusals := w.stories()
							if !reflect.DeepEqual(events, wantEvents) {
								t.Errorf("the events differ; faults: %v", faults(events))
							}
							if !reflect.DeepEqual(refusals, wantRefusals) {
								t.Error("the refusals differ")
							}
							if healed := w.restored > 0; batch == 1 && healed != (snapshots && crashes > 0) {
								t.Errorf("%d disks were healed by snapshots", w.restored)
							}
						})
					}
				}
			}
		}
	}
}

// TestTheMetamorphicTestCanFail is its negative control: without the fold after a crash the worlds differ.
func TestTheMetamorphicTestCanFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, statestore.NewMem(), 1, 7, 0.25, 1)
	w.broken = true
	w.script(2_000)
	w.run()
	if events, _ := w.stories(); len(faults(events)) == 0 {
		t.Fatal("crashes without recovery went unnoticed")
	}
}

func openRoot(t *testing.T, kind string) statestore.Root {
	t.Helper()
	if kind == "mem" {
		return statestore.NewMem()
	}
	root, err := pebble.Open(pebble.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := root.Close(); err != nil {
			t.Error(err)
		}
	})
	return root
}
