package aggregator_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// witness remembers what an observer is told of takeovers.
type witness struct {
	aggregator.Observer
	mu       sync.Mutex
	warm     map[int32]bool
	takeover map[int32]int // records folded by the last one
}

func newWitness() *witness {
	return &witness{Observer: aggregator.Config{}.WithDefaults().Observer, warm: map[int32]bool{}, takeover: map[int32]int{}}
}

func (w *witness) Takeover(_ string, partition int32, _ time.Duration, records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.takeover[partition] = records
}

func (w *witness) Handover(_ string, partition int32, warm bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.warm[partition] = warm
}

func (w *witness) of(partition int32) (warm bool, records int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.warm[partition], w.takeover[partition]
}

func (p *pipeline) fleet() kafka.Fleet {
	p.t.Helper()
	f, err := kafka.DescribeFleet(p.t.Context(), p.cfg, aggregator.Group("bank"), "bank.events")
	if err != nil {
		p.t.Fatal(err)
	}
	return f
}

// owners are the workers that have taken each partition over, as they say themselves.
func owners(f kafka.Fleet) map[int32]string {
	out := map[int32]string{}
	for _, w := range f.Workers {
		for n, h := range w.Holdings {
			if h.Role == kafka.OwnerRole && slices.Contains(w.Assigned, n) {
				out[n] = w.Name
			}
		}
	}
	return out
}

// awaitOwners waits until every partition is taken over, and as many by each worker as it should have.
func (p *pipeline) awaitOwners(loads map[string]int) map[int32]string {
	p.t.Helper()
	var got map[int32]string
	eventually(p.t, fmt.Sprint("loads are ", loads), func() bool {
		got = owners(p.fleet())
		found := map[string]int{}
		for _, w := range got {
			found[w]++
		}
		for w, n := range loads {
			if found[w] != n {
				return false
			}
		}
		return len(got) == partitions
	})
	return got
}

// awaitWarm waits until a worker follows a partition to its end.
func (p *pipeline) awaitWarm(worker string, n int32) {
	p.t.Helper()
	eventually(p.t, fmt.Sprintf("%s follows %d to its end", worker, n), func() bool {
		f := p.fleet()
		w, ok := f.Worker(worker)
		return ok && w.Holdings[n].Role == kafka.StandbyRole && w.Holdings[n].Position == f.Ends[n]
	})
}

func (p *pipeline) order(orders ...kafka.Order) {
	p.t.Helper()
	if err := kafka.GiveOrders(p.t.Context(), p.cfg, orders...); err != nil {
		p.t.Fatal(err)
	}
}

func pin(n int32, worker string) kafka.Order {
	return kafka.Order{Context: "bank", Kind: kafka.PinOrder, Partition: n, Worker: worker}
}

// TestAStandbyHandsOverWhatItFollows: of two workers one stops, and the other has its partitions at hand, or, without
// standbys, folds them from the log.
func TestAStandbyHandsOverWhatItFollows(t *testing.T) {
	t.Parallel()
	for _, standbys := range []int{2, 0} {
		t.Run(fmt.Sprint(standbys, " standbys"), func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			saw := newWitness()
			w1 := p.start(p.config("w1", statestore.NewMem()))
			p.awaitOwners(map[string]int{"w1": partitions})
			cfg := p.config("w2", statestore.NewMem())
			cfg.Standbys, cfg.Observer = standbys, saw
			p.start(cfg)
			before := p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
			p.openAccounts(16)
			p.deposit(16, 10, "d")
			p.flush()
			p.events(16 + 16*10)
			for n, w := range before {
				if w == "w1" && standbys > 0 {
					p.awaitWarm("w2", n)
				}
			}
			if err := w1.stop(); err != nil {
				t.Fatal(err)
			}
			p.awaitOwners(map[string]int{"w2": partitions})
			for n, w := range before {
				warm, records := saw.of(n)
				if w == "w1" && (warm != (standbys > 0) || (records == 0) != (standbys > 0)) {
					t.Errorf("partition %d: warm %v, %d records folded", n, warm, records)
				}
			}
			p.deposit(16, 1, "after")
			p.flush()
			p.events(16 + 16*10 + 16)
		})
	}
}

// TestAnOrderMovesOnePartition: warm by order, then pinned; nothing else moves, and what was withdrawn is no longer
// followed.
func TestAnOrderMovesOnePartition(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	saw := newWitness()
	p.start(p.config("w1", statestore.NewMem()))
	cfg := p.config("w2", statestore.NewMem())
	cfg.Observer, cfg.Sessions = saw, 2
	p.start(cfg)
	before := p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
	p.openAccounts(16)
	p.flush()
	p.events(16)
	moved := int32(slices.Index([]string{before[0], before[1], before[2], before[3]}, "w1"))
	warm := kafka.Order{Context: "bank", Kind: kafka.WarmOrder, Partition: moved, Worker: "w2"}
	p.order(warm)
	p.awaitWarm("w2", moved)
	p.order(pin(moved, "w2"))
	after := p.awaitOwners(map[string]int{"w1": 1, "w2": 3})
	for n, w := range before {
		if want := map[bool]string{true: "w2", false: w}[n == moved]; after[n] != want {
			t.Errorf("partition %d went from %s to %s", n, w, after[n])
		}
	}
	if warm, records := saw.of(moved); !warm || records != 0 {
		t.Errorf("warm %v, %d records folded", warm, records)
	}
	if err := kafka.WithdrawOrders(t.Context(), p.cfg, warm); err != nil {
		t.Fatal(err)
	}
	// A pin to a worker that is gone leaves the partition with whoever has it.
	p.order(pin(moved, "w9"))
	p.deposit(16, 5, "d")
	p.flush()
	p.events(16 + 16*5)
	if got := owners(p.fleet()); got[moved] != "w2" {
		t.Errorf("pinned to nobody, partition %d is %q's", moved, got[moved])
	}
}

func TestADrainedWorkerOwnsNothingUntilItIsUndone(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	p.start(p.config("w2", statestore.NewMem()))
	p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
	drain := kafka.Order{Context: "bank", Kind: kafka.DrainOrder, Worker: "w1"}
	p.order(drain)
	p.awaitOwners(map[string]int{"w1": 0, "w2": 4})
	p.openAccounts(16)
	p.flush()
	p.events(16)
	if err := kafka.WithdrawOrders(t.Context(), p.cfg, drain); err != nil {
		t.Fatal(err)
	}
	p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
}

// TestAnOrderEndsByItself: a tool that dies holds nothing.
func TestAnOrderEndsByItself(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	p.start(p.config("w2", statestore.NewMem()))
	p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
	until := time.Now().Add(2 * time.Second)
	p.order(kafka.Order{Context: "bank", Kind: kafka.DrainOrder, Worker: "w1", Until: &until})
	p.awaitOwners(map[string]int{"w1": 0, "w2": 4})
	p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
}

// TestASessionWaitsForWhoeverHoldsTheLease is the control of the hand-over: a holder that does not look whether its
// partition is wanted, as a standby does, keeps the session from taking it over.
func TestASessionWaitsForWhoeverHoldsTheLease(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	drain := kafka.Order{Context: "bank", Kind: kafka.DrainOrder, Worker: "w2"}
	p.order(drain)
	p.start(p.config("w1", statestore.NewMem()))
	cfg := p.config("w2", statestore.NewMem())
	w2 := p.start(cfg)
	eventually(t, "w2 has joined, and owns nothing", func() bool {
		_, joined := p.fleet().Worker("w2")
		return joined && w2.w.Ready() == nil
	})
	var held []*statestore.Lease
	for n := range partitions {
		lease, err := cfg.Leases.Acquire(t.Context(), fmt.Sprint("bank.", n))
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, lease)
	}
	if err := kafka.WithdrawOrders(t.Context(), p.cfg, drain); err != nil {
		t.Fatal(err)
	}
	wanted := func(l *statestore.Lease) bool {
		select {
		case <-l.Wanted():
			return true
		default:
			return false
		}
	}
	eventually(t, "the session asks for a lease", func() bool { return slices.ContainsFunc(held, wanted) })
	time.Sleep(300 * time.Millisecond)
	if w2.w.Ready() == nil || len(owners(p.fleet())) == partitions {
		t.Error("the session did not wait for the lease")
	}
	for _, lease := range held {
		if err := lease.Release(); err != nil {
			t.Fatal(err)
		}
	}
	p.awaitOwners(map[string]int{"w1": 2, "w2": 2})
}
