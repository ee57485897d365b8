package chhttp

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestDrain: what runs is waited for, and once all have ended nobody comes in.
func TestDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(nil, Limits{Queries: 2})
		var all sync.WaitGroup
		for range 3 { // of which one waits for the others
			all.Go(func() {
				if err := s.enter(context.Background()); err != nil {
					t.Error(err)
					return
				}
				time.Sleep(time.Second)
				s.leave()
			})
		}
		synctest.Wait()
		if left := s.Drain(100 * time.Millisecond); left != 2 {
			t.Errorf("%d statements are left, want 2", left)
		}
		all.Wait()
	})
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(nil, Limits{Queries: 2})
		if err := s.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		ended := false
		go func() { time.Sleep(time.Second); ended = true; s.leave() }()
		if left := s.Drain(time.Minute); left != 0 || !ended {
			t.Errorf("%d are left; the one that ran has ended: %t", left, ended)
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.enter(gone); err == nil {
			t.Error("somebody came in behind the drain")
		}
	})
}
