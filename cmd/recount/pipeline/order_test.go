package pipeline

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal notes what happens in which order.
type journal struct {
	mu    sync.Mutex
	notes []string
}

func (j *journal) note(text string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.notes = append(j.notes, text)
}

// slow takes a moment to stop, so that what does not wait for it is seen.
func (j *journal) slow(name string, running chan<- struct{}) part {
	return part{name, func(ctx context.Context) error {
		running <- struct{}{}
		<-ctx.Done()
		j.note(name + " is told")
		time.Sleep(20 * time.Millisecond)
		j.note(name + " has ended")
		return nil
	}}
}

var stopped = []string{
	"ingest is told", "ingest has ended", "aggregator is told", "aggregator has ended", "projectors is told", "projectors has ended",
}

func TestPartsStopOneAfterTheOther(t *testing.T) {
	t.Parallel()
	var j journal
	running := make(chan struct{}, 3)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		for range 3 {
			<-running // all run before the first is stopped
		}
		stop()
	}()
	if err := inOrder(ctx, j.slow("ingest", running), j.slow("aggregator", running), j.slow("projectors", running)); err != nil {
		t.Error(err)
	}
	if !slices.Equal(j.notes, stopped) {
		t.Errorf("got %q", j.notes)
	}
}

func TestAPartThatFailsStopsTheOthersInOrder(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var j journal
	running := make(chan struct{}, 3)
	err := inOrder(t.Context(), j.slow("ingest", running), j.slow("aggregator", running), j.slow("projectors", running),
		part{"services", func(context.Context) error {
			for range 3 {
				<-running
			}
			return broken
		}})
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "services: ") {
		t.Errorf("got %v", err)
	}
	if !slices.Equal(j.notes, stopped) {
		t.Errorf("got %q", j.notes)
	}
}

func TestAPartThatEndsByItselfIsAnError(t *testing.T) {
	t.Parallel()
	running := make(chan struct{}, 1)
	var j journal
	err := inOrder(t.Context(), j.slow("ingest", running), part{"projectors", func(context.Context) error { return nil }})
	if err == nil || !strings.Contains(err.Error(), "projectors ended by itself") {
		t.Errorf("got %v", err)
	}
}
