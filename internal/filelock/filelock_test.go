package filelock_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"recount/internal/filelock"
)

func TestAcquireWaitsForTheHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	first, err := filelock.Acquire(context.Background(), path, "the first")
	if err != nil {
		t.Fatal(err)
	}

	now, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	var held *filelock.HeldError
	if _, err := filelock.Acquire(now, path, "the second"); !errors.As(err, &held) || held.Holder != "the first" {
		t.Fatalf("a lock that is held: %v", err)
	}
	if want := "the first holds " + path; held.Error() != want {
		t.Errorf("says %q, want %q", held, want)
	}

	time.AfterFunc(20*time.Millisecond, func() {
		if err := first.Release(); err != nil {
			t.Error(err)
		}
	})
	second, err := filelock.Acquire(context.Background(), path, "2nd")
	if err != nil {
		t.Fatalf("a lock that becomes free: %v", err)
	}
	_, err = filelock.Acquire(now, path, "the third")
	if !errors.As(err, &held) || held.Holder != "2nd" { // nothing of the longer name before it
		t.Errorf("the second holder: %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	free, err := filelock.Acquire(now, path, "one try is made even when ctx has ended")
	if err != nil {
		t.Fatal(err)
	}
	if err := free.Release(); err != nil {
		t.Error(err)
	}
}

func TestAcquireWithoutAFolder(t *testing.T) {
	t.Parallel()
	if _, err := filelock.Acquire(context.Background(), filepath.Join(t.TempDir(), "missing", "lock"), ""); err == nil {
		t.Error("locked a file in a folder that is not there")
	}
}
