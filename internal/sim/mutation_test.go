package sim

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"recount/e2e/deals"
)

// caught is a mutation and what notices it: a row of the table in README.md.
type caught struct {
	mutation  mutation
	world     string
	injected  string // through what
	invariant string
	seed      uint64 // the first that notices it, or one before
}

// The worlds.
const (
	pureEngine = "pure"
	writeSide  = "write side"
	sagaWorlds = "sagas"
)

// Where mutations are injected.
const (
	inLoop          = "the loop around the engine"
	inCodec         = "the codec"
	inConfiguration = "the configuration"
	inLease         = "the disk behind the lease"
	inFrames        = "requests on their way"
	inStore         = "the store"
	inMachine       = "the process"
	inOutbox        = "the outbox"
)

func caughtMutations() []caught {
	return []caught{
		{noFold, pureEngine, inLoop, contiguous, 1},
		{gapPassedOver, pureEngine, inLoop, contiguous, 1},
		{marksBeforeOffsets, pureEngine, inLoop, contiguous, 4},
		{leaseOfTheMoment, pureEngine, inLease, contiguous, 896},
		{uncommittedReads, writeSide, inFrames, contiguous, 2},
		{unfenced, pureEngine, inLoop, once, 2},
		{unknownIsAborted, pureEngine, inLoop, once, 2},
		{noDedup, pureEngine, inConfiguration, once, 1},
		{shortMemory, pureEngine, inConfiguration, once, 1},
		{dedupNotRebuilt, writeSide, inCodec, once, 2},
		{refusalsNotFolded, pureEngine, inLoop, serially, 1},
		{watermarksIgnored, pureEngine, inCodec, serially, 1},
		{commandSkipped, pureEngine, inLoop, serially, 1},
		{staleReads, pureEngine, inLoop, serially, 1},
		{olderWriteLands, pureEngine, inLease, serially, 13},
		{eventAltered, pureEngine, inLoop, unbroken, 1},
		{chainForgotten, writeSide, inCodec, unbroken, 1},
		{amountAltered, writeSide, inCodec, conserved, 1},
		{clockUnguarded, writeSide, inCodec, forward, 2},
		{staleWriteLands, pureEngine, inLease, folded, 28},
		{statesUnwritten, writeSide, inStore, folded, 1},
		{markerAtEnd, pureEngine, inLoop, restored, 12},
		{leaseKept, pureEngine, inLoop, restored, 82},
		{snapshotAltered, writeSide, inCodec, restored, 1},
		{unknownIsCommitted, pureEngine, inLoop, honest, 1},
		{answeredTooSoon, pureEngine, inLoop, honest, 1},
		{eventCut, pureEngine, inLoop, readable, 1},
		{storeFirst, pureEngine, inLoop, endsWell, 1},
		{dispatchOnReplay, sagaWorlds, inLoop, sentOnce, 1},
		{randomIDs, sagaWorlds, inOutbox, sentOnce, 1},
		{undoneAtOnce, sagaWorlds, inMachine, inReverse, 1},
		{timerLost, sagaWorlds, inLoop, sagasEnd, 1},
		{neverUndone, sagaWorlds, inMachine, dealsDone, 1},
		{givesMore, sagaWorlds, inMachine, dealsDone, 1},
		{givesNothing, sagaWorlds, inMachine, dealsDone, 1},
	}
}

// seedsMore is how many seeds after the one of the table are tried: a change elsewhere may move what a seed comes upon.
const seedsMore = 30

func TestEachMutationIsNoticed(t *testing.T) {
	t.Parallel()
	for _, c := range caughtMutations() {
		t.Run(string(c.mutation), func(t *testing.T) {
			t.Parallel()
			what := codeOf(t, c.mutation)
			for seed := c.seed; seed <= c.seed+seedsMore; seed++ {
				if c.noticed(t, what, seed) {
					t.Logf("noticed at seed %d", seed)
					return
				}
			}
			t.Errorf("%q holds although %s", c.invariant, c.mutation)
		})
	}
}

func (c caught) noticed(t *testing.T, what code, seed uint64) bool {
	t.Helper()
	var r result
	switch c.world {
	case writeSide:
		r = inWorld(t, what, seed)
	case sagaWorlds:
		r = runSagas(what, seed, deals.Shop)
	default:
		r, _ = runPure(what, seed)
	}
	for _, b := range r.breaches {
		if b.invariant == c.invariant {
			return true
		}
	}
	return false
}

// TestEachInvariantHasAMutation: one that nothing is shown to break may be true of anything.
func TestEachInvariantHasAMutation(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, c := range caughtMutations() {
		broken[c.invariant] = true
	}
	for _, i := range invariants() {
		if !broken[i.name] {
			t.Errorf("nothing is shown to break %q", i.name)
		}
	}
	for _, i := range sagaInvariants() {
		if !broken[i.name] {
			t.Errorf("nothing is shown to break %q", i.name)
		}
	}
	if !broken[endsWell] || !broken[readable] {
		t.Errorf("nothing is shown to break %q or %q", endsWell, readable)
	}
}

// TestTheReadmeListsTheMutations holds the table in README.md to the one above.
func TestTheReadmeListsTheMutations(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, c := range caughtMutations() {
		want += fmt.Sprintf("| %s | %s: %s | %s | %d |\n", c.mutation, c.world, c.injected, c.invariant, c.seed)
	}
	if !strings.Contains(string(text), want) {
		t.Errorf("the table of mutations in README.md should be:\n%s", want)
	}
}
