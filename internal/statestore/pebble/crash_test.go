package pebble_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/statestore/pebble/pebbletest"
)

const (
	stepsPerLife = 250 // some 150 KB: several memtables of the small size
	lives        = 3   // crashes one after the other on the same disk
	syncOneIn    = 20
)

// habit is how a workload writes.
type habit struct {
	apart  bool // values and watermark in two batches
	noSync bool // Sync does nothing
}

// TestCrash stops the machine at a random moment, beside two writers, and opens what is left: each partition holds a
// prefix of what it was told to write, with everything that was synced.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, keepPercent := range []int{0, 10, 50, 90, 100} {
		t.Run(fmt.Sprintf("keep %d percent", keepPercent), func(t *testing.T) {
			t.Parallel()
			var all tally
			for seed := range uint64(6) {
				got, err := crashes(keepPercent, seed, habit{})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				all.kept, all.lost = all.kept+got.kept, all.lost+got.lost
			}
			if all.kept == 0 || all.lost == 0 {
				t.Errorf("the crashes kept %d steps and lost %d: they tried nothing", all.kept, all.lost)
			}
		})
	}
}

// TestCrashCheckCatches is the negative control: the same workload, written in two batches or without its syncs, is
// caught by the same check.
func TestCrashCheckCatches(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]habit{"two batches": {apart: true}, "no sync": {noSync: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(100) {
				_, err := crashes(int(seed%3)*50, seed, h)
				if errors.Is(err, errDisagrees) {
					return
				}
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
			}
			t.Error("went unnoticed")
		})
	}
}

// errDisagrees marks a store whose content is not what it should be after a crash.
var errDisagrees = errors.New("after the crash the store disagrees")

// tally counts steps over all crashes. What is applied after the moment of a crash counts as lost too.
type tally struct{ kept, lost int }

// crashes lives through several crashes.
func crashes(keepPercent int, seed uint64, h habit) (tally, error) {
	rng := rand.New(rand.NewPCG(seed, uint64(keepPercent)))
	disk := pebbletest.NewDisk()
	writers := []*writer{{name: "bank.1", habit: h}, {name: "bank.11", habit: h}}
	for life := range lives {
		left, err := oneLife(disk, writers, keepPercent, rng)
		if err != nil {
			return tally{}, fmt.Errorf("life %d: %w", life, err)
		}
		disk = left
	}
	root, err := begin(disk, writers) // what the last crash left
	if err != nil {
		return tally{}, fmt.Errorf("at the end: %w", err)
	}
	var sum tally
	for _, w := range writers {
		sum.kept, sum.lost = sum.kept+w.tally.kept, sum.lost+w.tally.lost
		err = errors.Join(err, w.store.Close())
	}
	return sum, errors.Join(err, root.Close())
}

// begin opens the disk and its partitions, and checks them.
func begin(disk *pebbletest.Disk, writers []*writer) (*pebble.Root, error) {
	root, err := disk.Open()
	if err != nil {
		return nil, err
	}
	for _, w := range writers {
		if err := w.begin(root); err != nil {
			return nil, errors.Join(err, closeAll(root, writers))
		}
	}
	return root, nil
}

// closeAll closes the root after an error, whatever is open in it.
func closeAll(root *pebble.Root, writers []*writer) error {
	for _, w := range writers {
		if w.store != nil {
			if err := w.store.Close(); err != nil && !errors.Is(err, statestore.ErrClosed) {
				return err
			}
		}
	}
	return root.Close()
}

// oneLife opens the disk, checks it, writes, and returns the disk that a crash in the middle of it leaves.
func oneLife(disk *pebbletest.Disk, writers []*writer, keepPercent int, rng *rand.Rand) (*pebbletest.Disk, error) {
	root, err := begin(disk, writers)
	if err != nil {
		return nil, err
	}
	moment := &countdown{zero: make(chan struct{})}
	moment.left.Store(int64(1 + rng.IntN(stepsPerLife*len(writers))))
	ended := make(chan error, len(writers))
	for _, w := range writers {
		stepRNG := rand.New(rand.NewPCG(rng.Uint64(), rng.Uint64()))
		go func() { ended <- w.live(stepRNG, moment) }()
	}
	<-moment.zero
	for _, w := range writers {
		w.mustHold = int(w.synced.Load()) // before the crash: what is synced meanwhile may be in or not
	}
	after := disk.Crash(keepPercent, rng)
	for range writers {
		err = errors.Join(err, <-ended)
	}
	for _, w := range writers {
		err = errors.Join(err, w.store.Close())
	}
	return after, errors.Join(err, root.Close())
}

// countdown tells of a moment in the middle of several writers' work.
type countdown struct {
	left atomic.Int64
	zero chan struct{}
}

func (c *countdown) tick() {
	if c.left.Add(-1) == 0 {
		close(c.zero)
	}
}

// writer writes one partition's ledger, over several lives.
type writer struct {
	name     string
	habit    habit
	ledger   ledger
	store    statestore.Store
	synced   atomic.Int64 // steps that must survive a crash from now on
	mustHold int          // steps that must have survived the last crash
	begun    int          // steps found when this life began
	tally    tally
}

// begin opens the partition after a crash, or for the first time, and compares it with the ledger, which is then cut to
// what has survived.
func (w *writer) begin(root statestore.Root) error {
	store, err := root.Open(w.name)
	if err != nil {
		return err
	}
	w.store = store
	held, err := w.ledger.prefix(store)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errDisagrees, w.name, err)
	}
	if held < w.mustHold {
		return fmt.Errorf("%w: %s: %d steps survived, %d were synced", errDisagrees, w.name, held, w.mustHold)
	}
	w.tally.kept += held - w.begun
	w.tally.lost += len(w.ledger.steps) - held
	w.ledger.steps = w.ledger.steps[:held]
	w.begun = held
	w.synced.Store(int64(held)) // what one process has found, the next one finds
	return nil
}

// live writes the steps of one life. It counts every one, written or not, so that the countdown ends.
func (w *writer) live(rng *rand.Rand, moment *countdown) (err error) {
	for range stepsPerLife {
		if err == nil {
			err = w.step(rng)
		}
		moment.tick()
	}
	return err
}

func (w *writer) step(rng *rand.Rand) error {
	at := w.ledger.draw(rng)
	var b statestore.Batch
	w.ledger.values(&b, at)
	if w.habit.apart {
		if err := w.apply(rng, &b, at-1); err != nil {
			return err
		}
		b.Reset()
	}
	w.ledger.watermark(&b, at)
	return w.apply(rng, &b, at)
}

// apply writes b, and now and then syncs, after which the first complete steps must survive.
func (w *writer) apply(rng *rand.Rand, b *statestore.Batch, complete int) error {
	if err := w.store.Apply(b); err != nil {
		return err
	}
	if rng.IntN(syncOneIn) > 0 {
		return nil
	}
	if !w.habit.noSync {
		if err := w.store.Sync(); err != nil {
			return err
		}
	}
	w.synced.Store(int64(complete))
	return nil
}
