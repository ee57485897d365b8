package kafka

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
)

// errands is a member that has work between ranges, and notes what the group held meanwhile.
type errands struct {
	*member
	door  chan struct{}
	done  atomic.Int64
	doubt atomic.Int64 // how often a range was declared meanwhile
}

func (e *errands) Asked(int32) <-chan struct{} { return e.door }

func (e *errands) Between(_ context.Context, partition int32) (Work, error) {
	return func(_ context.Context, attempt func(func() error) error) error {
		return attempt(func() error {
			if offset, metadata := e.w.committed(partition); offset != e.position(partition) || strings.Contains(metadata, "next") {
				e.doubt.Add(1)
			}
			e.done.Add(1)
			return nil
		})
	}, nil
}

// TestWorkBetweenRangesFindsNoneDeclared asks for work while ranges come, and while none does.
func TestWorkBetweenRangesFindsNoneDeclared(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	e := &errands{member: &member{w: w}, door: make(chan struct{}, 1)}
	c, err := NewRangeConsumer(w.config(), e)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	for n := range int64(5) {
		w.produce(0, 20, true)
		e.door <- struct{}{}
		eventually(t, "it was done", func() bool { return e.done.Load() == n+1 })
	}
	eventually(t, "all is in", func() bool { return w.complete("a", "b") })
	e.door <- struct{}{} // nothing else wakes the pipeline
	eventually(t, "it was done at rest", func() bool { return e.done.Load() == 6 })
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if e.doubt.Load() != 0 {
		t.Errorf("%d times a range was declared meanwhile", e.doubt.Load())
	}
	if err := w.exact("a", "b"); err != nil {
		t.Error(err)
	}
}
