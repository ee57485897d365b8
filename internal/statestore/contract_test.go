package statestore_test

import (
	"testing"

	"go.uber.org/goleak"

	"recount/internal/statestore"
	"recount/internal/statestore/statestoretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemContract(t *testing.T) {
	t.Parallel()
	statestoretest.TestStore(t, func(*testing.T) statestore.Store { return statestore.NewMemStore() })
}

func TestOverlayContract(t *testing.T) {
	t.Parallel()
	statestoretest.TestSingle(t, func(*testing.T) statestore.Store {
		return statestoretest.Overlaid(statestore.NewMemStore())
	})
}

func TestMemRootContract(t *testing.T) {
	t.Parallel()
	statestoretest.TestRoot(t, func(*testing.T) statestoretest.Reopen { return freshMem() })
}

func TestMemModel(t *testing.T) {
	t.Parallel()
	statestoretest.TestModel(t, freshMem)
}

func freshMem() statestoretest.Reopen {
	root := statestore.NewMem()
	return func() (statestore.Root, error) {
		root = root.Reopen()
		return root, nil
	}
}
