package aggregator_test

import (
	"fmt"
	"maps"
	"sync"
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// diary writes down what a worker tells of its restores and checkpoints.
type diary struct {
	aggregator.Observer
	mu          sync.Mutex
	restored    []aggregator.Restored
	checkpoints []aggregator.Checkpoint
	replayed    int
	evicted     int64
}

func newDiary() *diary { return &diary{Observer: aggregator.Config{}.WithDefaults().Observer} }

func (d *diary) Restore(_ string, r aggregator.Restored) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.restored = append(d.restored, r)
}

func (d *diary) Checkpoint(_ string, c aggregator.Checkpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.checkpoints = append(d.checkpoints, c)
}

func (d *diary) Takeover(_ string, _ int32, _ time.Duration, records int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.replayed += records
}

func (d *diary) complete() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.checkpoints)
}

func (d *diary) Evicted(_ string, commands int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.evicted += commands
}

// forgotten are the commands evicted so far.
func (d *diary) forgotten() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.evicted
}

// origins counts the restores by what they were made from, and adds up the snapshots and records they read.
func (d *diary) origins() (from map[aggregator.Origin]int, snapshots, records int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from = map[aggregator.Origin]int{}
	for _, r := range d.restored {
		from[r.From]++
		snapshots, records = snapshots+r.Snapshots, records+r.Records
	}
	return from, snapshots, records
}

// partitionsOf counts the partitions that the first n accounts lie in.
func partitionsOf(n int) int {
	in := map[int32]bool{}
	for i := range n {
		in[home(fmt.Sprint("acct-", i))] = true
	}
	return len(in)
}

// states are what stores say of every aggregate, by its key.
type states map[string]string

// statesIn reads a root nobody uses.
func statesIn(t *testing.T, root *statestore.Mem) states {
	t.Helper()
	all := states{}
	for n := range int32(partitions) {
		inStore(t, root, n, func(s statestore.Store) {
			for pair, err := range s.Scan(nil, nil) {
				if err != nil {
					t.Fatal(err)
				}
				a, ok, err := engine.ReadStored(pair)
				if err != nil {
					t.Fatal(err)
				}
				if ok {
					all[string(pair.Key)] = fmt.Sprintf("%d %x %x", a.Version, a.Chain, a.State)
				}
			}
		})
	}
	return all
}

// sameStates compares two workers' stores, which must hold n aggregates.
func sameStates(t *testing.T, got, want states, n int) {
	t.Helper()
	if len(want) != n || !maps.Equal(got, want) {
		t.Errorf("%d aggregates, want %d of %d; equal: %v", len(got), len(want), n, maps.Equal(got, want))
	}
}

// inStore opens a partition's store in a root nobody uses.
func inStore(t *testing.T, root *statestore.Mem, n int32, do func(statestore.Store)) {
	t.Helper()
	s, err := root.Open(fmt.Sprintf("bank.%d", n))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	do(s)
}

// put writes one pair into a store.
func put(t *testing.T, s statestore.Store, key, value []byte) {
	t.Helper()
	var b statestore.Batch
	b.Set(key, value)
	if err := s.Apply(&b); err != nil {
		t.Fatal(err)
	}
}

const rogueKey = "s/account/nobody"

// plant puts an account into a store that no event speaks of: who finds it again has trusted that store.
func plant(t *testing.T, s statestore.Store) {
	t.Helper()
	for pair, err := range s.Scan([]byte("s/account/"), []byte("s/account0")) {
		if err != nil {
			t.Fatal(err)
		}
		put(t, s, []byte(rogueKey), pair.Value)
		return
	}
	put(t, s, []byte(rogueKey), make([]byte, 80))
}

func planted(t *testing.T, root *statestore.Mem, n int32) (found bool) {
	t.Helper()
	inStore(t, root, n, func(s statestore.Store) {
		_, ok, err := s.Get([]byte(rogueKey))
		if err != nil {
			t.Fatal(err)
		}
		found = ok
	})
	return found
}

// engineOver opens the engine of a partition over a store, as the worker does.
func (p *pipeline) engineOver(s statestore.Store, cfg aggregator.Config, n int32) *engine.Partition {
	p.t.Helper()
	cfg = cfg.WithDefaults()
	ids, err := kafka.DescribeTopics(p.t.Context(), p.cfg, "bank.events", "bank.snapshots", "bank.commands", "bank.dispatch")
	if err != nil {
		p.t.Fatal(err)
	}
	topic := func(name string) engine.Topic { return engine.Topic{Name: name, ID: es.ID(ids[name].ID)} }
	e, err := engine.Open(engine.Config{
		Context: "bank", Partition: n, Partitions: partitions, Codec: cfg.Codec,
		Topics:   [2]engine.Topic{topic("bank.commands"), topic("bank.dispatch")},
		EventsID: topic("bank.events").ID, SnapshotsID: topic("bank.snapshots").ID,
		DedupMillis: cfg.DedupWindow.Milliseconds(), DedupEntries: cfg.DedupEntries, CacheBytes: 10_000, RecordBytesMax: 1 << 20,
	}, s)
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// life runs a worker on a root until it is ready and do has returned, and stops it.
func (p *pipeline) life(cfg aggregator.Config, do func()) {
	p.t.Helper()
	w := p.start(cfg)
	do()
	eventually(p.t, "ready", func() bool { return w.w.Ready() == nil })
	if err := w.stop(); err != nil {
		p.t.Fatal(err)
	}
}

// book has a worker decide 20 deposits on each of n accounts, and returns its states after its last checkpoint.
func (p *pipeline) book(n int) (root *statestore.Mem, have states) {
	p.t.Helper()
	root = statestore.NewMem()
	p.life(p.config("w1", root), func() {
		p.openAccounts(n)
		p.deposit(n, 20, "d")
		p.flush()
		p.events(n + n*20)
	})
	root = root.Reopen()
	return root, statesIn(p.t, root)
}
