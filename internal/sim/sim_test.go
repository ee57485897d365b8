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

func twiceTheSame(t *testing.T, what code, seed uint64) result {
	r, first := runPure(what, seed)
	if _, second := runPure(what, seed); first != second {
		t.Errorf("seed %d: two runs are not the same: %s and %s", seed, first, second)
	}
	return r
}

// TestSimWorld runs the workers themselves on a virtual network and in virtual time.
func TestSimWorld(t *testing.T) {
	t.Parallel()
	eachSeed(t, *seeds, "the whole write side", inWorld)
}

// TestSimSagas runs the engines of aggregates and processes without any I/O, in both contexts.
func TestSimSagas(t *testing.T) {
	t.Parallel()
	eachSeed(t, *seeds, "sagas of the bank", sagasOf(deals.Bank))
	total := eachSeed(t, *seeds, "sagas of the shop", sagasOf(deals.Shop))
	if *oneSeed < 0 && (total.whole == 0 || total.whole == total.refunds) {
		t.Errorf("of %d refunds into accounts %d left nothing of their payment: both kinds are to be shown to be right", total.refunds, total.whole)
	}
}

func sagasOf(context string) func(*testing.T, code, uint64) result {
	return func(_ *testing.T, what code, seed uint64) result { return runSagas(what, seed, context) }
}

func inWorld(t *testing.T, what code, seed uint64) (r result) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = runWorld(t.Context(), what, seed); err != nil {
			t.Error(err)
		}
	})
	return r
}

// eachSeed runs the seeds that were asked for, as many at a time as there are processors, and says what happened in them.
func eachSeed(t *testing.T, n int, what string, run func(*testing.T, code, uint64) result) (total figures) {
	asIs := codeOf(t, faithful)
	if *oneSeed >= 0 {
		r := run(t, asIs, uint64(*oneSeed))
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
				r := run(t, asIs, seed)
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

func codeOf(t *testing.T, m mutation) code {
	t.Helper()
	what, err := codeWith(m)
	if err != nil {
		t.Fatal(err)
	}
	return what
}

func fail(t *testing.T, seed uint64, r result) {
	if len(r.breaches) > 0 {
		t.Errorf("seed %d\n%s", seed, r.report(fmt.Sprintf("make sim SEED=%d", seed), traceTail))
	}
}
