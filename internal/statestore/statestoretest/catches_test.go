package statestoretest_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"

	"recount/internal/statestore/statestoretest"
)

// recorder stands in for a *testing.T.
type recorder struct {
	mu     sync.Mutex
	faults []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// fails tells whether a check fails.
func fails(check func(t statestoretest.T)) bool {
	r := &recorder{}
	done := make(chan struct{})
	go func() { // Fatalf ends its goroutine
		defer close(done)
		check(r)
	}()
	<-done
	return len(r.faults) > 0
}

// checkNamed finds a check.
func checkNamed(t *testing.T, name string) statestoretest.Check {
	t.Helper()
	for _, c := range statestoretest.AllChecks() {
		if c.Name == name {
			return c
		}
	}
	t.Fatalf("no check is called %q", name)
	return statestoretest.Check{}
}

// TestChecksCatch is the contract's negative control: each fault is caught by the check that is there for it.
func TestChecksCatch(t *testing.T) {
	t.Parallel()
	caughtBy := map[fault]string{
		lendsValues:   "a value read is the reader's own",
		keepsMemory:   "what was written is the store's own",
		emptyIsNone:   "an empty value is not none",
		unsorted:      "a scan is sorted and holds its bounds",
		endIncluded:   "a scan is sorted and holds its bounds",
		startExcluded: "a scan is sorted and holds its bounds",
		liveScan:      "a scan shows the store as it was when it began",
		halfBatch:     "a batch outside the limits writes nothing",
		keepsDeleted:  "a deletion removes",
		firstWins:     "within a batch the last write wins",
		staysOpen:     "a closed store answers ErrClosed",
		takesAnyKey:   "a key outside the limits is an error to read",
		lockedByScan:  "a scan can be left",
		tornBatch:     "readers see whole batches",
	}
	for f, want := range caughtBy {
		t.Run(string(f), func(t *testing.T) {
			t.Parallel()
			check := checkNamed(t, want)
			if !fails(func(t statestoretest.T) { check.Run(t, newFaulty(f)) }) {
				t.Errorf("%q let it pass", want)
			}
		})
	}
}

// TestChecksPass shows that what TestChecksCatch catches is the fault and not the store around it.
func TestChecksPass(t *testing.T) {
	t.Parallel()
	for _, c := range statestoretest.AllChecks() {
		if fails(func(t statestoretest.T) { c.Run(t, newFaulty(none)) }) {
			t.Errorf("a store without a fault failed %q", c.Name)
		}
	}
}
