// Package statestoretest holds every implementation of package statestore to its contract. An implementation's own
// tests call it:
//
//	func TestContract(t *testing.T) { statestoretest.TestStore(t, open) }
//
// It is for tests only and knows no implementation.
package statestoretest

import (
	"bytes"
	"slices"
	"testing"

	"recount/internal/statestore"
)

// T is what a check needs of a *testing.T, small enough that a test of the checks can stand in for it.
type T interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Check is one sentence of the contract, tried on an empty store.
type Check struct {
	Name string
	Run  func(t T, s statestore.Store)
}

// Checks returns the contract of a [statestore.Store] as one goroutine sees it.
func Checks() []Check { return slices.Concat(readChecks(), writeChecks(), scanChecks(), closeChecks()) }

// AllChecks returns Checks and what holds beside other goroutines.
func AllChecks() []Check { return append(Checks(), concurrentChecks()...) }

// TestStore runs the whole contract. open returns an empty store each time, and sees to its closing if it must be
// closed: a check leaves it open or closed.
func TestStore(t *testing.T, open func(t *testing.T) statestore.Store) {
	t.Helper()
	run(t, AllChecks(), open)
}

// TestSingle runs the contract for a store that belongs to one goroutine.
func TestSingle(t *testing.T, open func(t *testing.T) statestore.Store) {
	t.Helper()
	run(t, Checks(), open)
}

func run(t *testing.T, checks []Check, open func(t *testing.T) statestore.Store) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, open(t))
		})
	}
}

// kv is a pair as text, for comparing and printing.
type kv struct{ key, value string }

func apply(t T, s statestore.Store, write func(b *statestore.Batch)) {
	t.Helper()
	var b statestore.Batch
	write(&b)
	if err := s.Apply(&b); err != nil {
		t.Fatalf("apply: %v", err)
	}
}

func set(t T, s statestore.Store, pairs ...kv) {
	t.Helper()
	apply(t, s, func(b *statestore.Batch) {
		for _, p := range pairs {
			b.Set([]byte(p.key), []byte(p.value))
		}
	})
}

func wantValue(t T, r statestore.Reader, key, want string) {
	t.Helper()
	got, ok, err := r.Get([]byte(key))
	if err != nil || !ok || !bytes.Equal(got, []byte(want)) {
		t.Errorf("get %q = %q, %v, %v; want %q", key, got, ok, err, want)
	}
}

func wantNone(t T, r statestore.Reader, key string) {
	t.Helper()
	if got, ok, err := r.Get([]byte(key)); err != nil || ok || got != nil {
		t.Errorf("get %q = %q, %v, %v; want none", key, got, ok, err)
	}
}

func wantScan(t T, r statestore.Reader, start, end []byte, want ...kv) {
	t.Helper()
	got, err := collect(r, start, end)
	if err != nil {
		t.Fatalf("scan %q to %q: %v", start, end, err)
	}
	if !slices.Equal(got, want) {
		t.Errorf("scan %q to %q = %q, want %q", start, end, got, want)
	}
}

func collect(r statestore.Reader, start, end []byte) ([]kv, error) {
	var all []kv
	for p, err := range r.Scan(start, end) {
		if err != nil {
			return nil, err
		}
		all = append(all, kv{string(p.Key), string(p.Value)})
	}
	return all, nil
}
