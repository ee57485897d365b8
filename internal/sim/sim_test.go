package sim

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"recount/e2e/deals"
)

var (
	oneSeed = flag.Int64("seed", -1, "run this seed alone, and print its whole trace")
	seeds   = flag.Int("seeds", 0, "how many seeds to run; 0: a few")
)

const (
	seedsFew  = 6 // of make test
	traceTail = 200
)

// TestSimPure runs the engine without any I/O, each seed twice: the second run must be the first, bit for bit.
func TestSimPure(t *testing.T) {
	t.Parallel()
	eachSeed(t, *seeds, "the pure engine", twiceTheSame)
}

func twiceTheSame(t *testing.T, seed uint64) result {
	r, first, err := runPure(seed, faithful)
	if err != nil {
		t.Fatal(err)
	}
	if _, second, err := runPure(seed, faithful); first != second {
		t.Errorf("seed %d: two runs are not the same: %s and %s %v", seed, first, second, err)
	}
	return r
}

// TestSimWorld runs the workers themselves on a virtual network and in virtual time.
func TestSimWorld(t *testing.T) {
	t.Parallel()
	eachSeed(t, *seeds, "the whole write side", worldAsIs)
}

// TestSimSagas runs the engines of aggregates and processes without any I/O, in both contexts.
func TestSimSagas(t *testing.T) {
	t.Parallel()
	eachSeed(t, *seeds, "sagas of the bank", func(t *testing.T, seed uint64) result { return sagasOf(t, seed, deals.Bank) })
	total := eachSeed(t, *seeds, "sagas of the shop", func(t *testing.T, seed uint64) result { return sagasOf(t, seed, deals.Shop) })
	if *oneSeed < 0 && (total.whole == 0 || total.whole == total.refunds) {
		t.Errorf("of %d refunds into accounts %d left nothing of their payment: both kinds are to be shown to be right", total.refunds, total.whole)
	}
}

func sagasOf(t *testing.T, seed uint64, context string) result {
	t.Helper()
	r, err := runSagas(seed, context, faithful)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func worldAsIs(t *testing.T, seed uint64) result { return inWorld(t, seed, faithful) }

func inWorld(t *testing.T, seed uint64, m mutation) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = runWorld(t.Context(), seed, m); err != nil {
			t.Error(err)
		}
	})
	return r
}

// eachSeed runs the seeds that were asked for, as many at a time as there are processors, and says what happened in them.
func eachSeed(t *testing.T, n int, what string, run func(*testing.T, uint64) result) (total figures) {
	if *oneSeed >= 0 {
		r := run(t, uint64(*oneSeed))
		fmt.Fprintf(os.Stdout, "%s, seed %d\n%s\n%s", what, *oneSeed, r.trace, &r.counts)
		fail(t, uint64(*oneSeed), r)
		return r.counts
	}
	var (
		next atomic.Uint64
		mu   sync.Mutex
		all  sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for seed := next.Add(1); seed <= uint64(max(n, seedsFew)); seed = next.Add(1) {
				r := run(t, seed)
				fail(t, seed, r)
				mu.Lock()
				total.add(r.counts)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if n > 0 {
		fmt.Fprintf(os.Stdout, "%s:\n%s", what, &total)
	}
	return total
}

func fail(t *testing.T, seed uint64, r result) {
	if len(r.breaches) > 0 {
		t.Errorf("seed %d\n%s", seed, r.report(fmt.Sprintf("make sim SEED=%d", seed), traceTail))
	}
}
