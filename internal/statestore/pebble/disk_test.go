package pebble_test

import (
	"testing"

	"recount/internal/statestore"
	"recount/internal/statestore/pebble/pebbletest"
)

// TestDropSurvivesCrash: a partition dropped because its content was of no use must not come back.
func TestDropSurvivesCrash(t *testing.T) {
	t.Parallel()
	disk := pebbletest.NewDisk()
	root, err := disk.Open()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bank.1", "bank.11"} {
		s := open(t, root, name)
		var b statestore.Batch
		b.Set([]byte("k"), []byte(name))
		if err := s.Apply(&b); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.Drop("bank.1"); err != nil {
		t.Fatal(err)
	}
	after := disk.Crash(0, nil)
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
	root, err = after.Open()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"bank.1": false, "bank.11": true} {
		s := open(t, root, name)
		if _, ok, err := s.Get([]byte("k")); err != nil || ok != want {
			t.Errorf("%s: there: %v, %v; want %v", name, ok, err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

func open(t *testing.T, root statestore.Root, name string) statestore.Store {
	t.Helper()
	s, err := root.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
