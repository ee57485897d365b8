package statestore_test

import (
	"errors"
	"testing"

	"recount/internal/statestore"
)

// TestReopenIsARestart: what an old process still holds can no longer write, and the new one finds all of it.
func TestReopenIsARestart(t *testing.T) {
	t.Parallel()
	old := statestore.NewMem()
	s, err := old.Open(partition)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(upTo(50)); err != nil {
		t.Fatal(err)
	}
	restarted := old.Reopen()
	if err := s.Apply(upTo(90)); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("write by the old process: %v, want ErrClosed", err)
	}
	if _, err := old.Open(partition); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("open by the old process: %v, want ErrClosed", err)
	}
	s, err = restarted.Open(partition)
	if err != nil {
		t.Fatal(err)
	}
	if err := reflects(s, 50); err != nil {
		t.Error(err)
	}
}

// TestScanLends: the twin takes back what a scan has lent, so that whoever keeps it is found out.
func TestScanLends(t *testing.T) {
	t.Parallel()
	s := statestore.NewMemStore()
	if err := s.Apply(upTo(50)); err != nil {
		t.Fatal(err)
	}
	var kept []string
	var lent [][]byte
	for p, err := range s.Scan(nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		kept, lent = append(kept, string(p.Key)), append(lent, p.Key)
	}
	for i := range kept {
		if string(lent[i]) == kept[i] {
			t.Errorf("the key %s is still there after the scan", kept[i])
		}
	}
}
