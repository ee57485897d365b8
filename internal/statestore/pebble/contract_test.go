package pebble

import (
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"recount/internal/statestore"
	"recount/internal/statestore/statestoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small is a root for tests: little memory, and tables and compactions early.
func small(fs vfs.FS, dir string) Config {
	return Config{Dir: dir, FS: fs, CacheBytes: 1 << 20, MemtableBytes: memtableMinBytes}
}

// openStore returns one partition's store in a root on a disk in memory.
func openStore(t *testing.T) statestore.Store {
	t.Helper()
	root, err := Open(small(vfs.NewMem(), "state"))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	s, err := root.Open("bank.3")
	if err != nil {
		t.Fatalf("open bank.3: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, statestore.ErrClosed) {
			t.Errorf("close bank.3: %v", err)
		}
		if err := root.Close(); err != nil {
			t.Errorf("close root: %v", err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	statestoretest.TestStore(t, openStore)
}

func TestOverlayContract(t *testing.T) {
	t.Parallel()
	statestoretest.TestSingle(t, func(t *testing.T) statestore.Store { return statestoretest.Overlaid(openStore(t)) })
}

func TestRootContractOnDisk(t *testing.T) {
	t.Parallel()
	statestoretest.TestRoot(t, func(t *testing.T) statestoretest.Reopen {
		dir := t.TempDir()
		return func() (statestore.Root, error) { return Open(small(nil, dir)) }
	})
}

func TestModel(t *testing.T) {
	t.Parallel()
	statestoretest.TestModel(t, func() statestoretest.Reopen {
		fs := vfs.NewMem()
		return func() (statestore.Root, error) { return Open(small(fs, "state")) }
	})
}
