package demo

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollWaitsUntilNothingIsLeft(t *testing.T) {
	t.Parallel()
	left := int64(3)
	if err := poll(t.Context(), time.Millisecond, "counting", func() (int64, error) { left--; return left, nil }); err != nil || left != 0 {
		t.Errorf("%v with %d left", err, left)
	}
}

func TestPollGivesUp(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	if err := poll(t.Context(), time.Millisecond, "counting", func() (int64, error) { return 0, broken }); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := poll(ctx, time.Hour, "counting", func() (int64, error) { return 1, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		left := int64(100)
		err := poll(t.Context(), time.Second, "counting", func() (int64, error) {
			left = max(left-1, 50) // moves for a while
			return left, nil
		})
		if took := time.Since(began); err == nil || took < standstill+49*time.Second || took > standstill+55*time.Second {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
