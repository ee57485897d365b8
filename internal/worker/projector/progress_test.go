package projector

import (
	"testing"
	"time"

	"recount/internal/kafka"
)

// TestAViewThatRestedIsAsOldAsWhatWaits: a view without events for a day is not a day behind when one comes.
func TestAViewThatRestedIsAsOldAsWhatWaits(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	yesterday, justNow := now.Add(-24*time.Hour), now.Add(-3*time.Second)
	v := &projection{}
	p := &v.progress
	lag := func() time.Duration { return v.status().Partitions[0].Lag(now) }

	p.begins(kafka.Assignment{Partition: 4, Position: 10, Log: kafka.Extent{Stable: 10}})
	p.newest(4, yesterday.UnixMilli())
	if got := p.doubtful(); len(got) != 0 || lag() != 0 {
		t.Errorf("it has caught up, and yet: %v, %v", got, lag())
	}
	p.stands(4, 12, 0)
	if lag() != 24*time.Hour {
		t.Errorf("without a look there is nothing but the newest event: %v; the test proves nothing", lag())
	}
	if got := p.doubtful(); got[4] != 10 {
		t.Fatalf("it has not moved, and nobody looks: %v", got)
	}
	p.waits(kafka.Lag{Partition: 4, Committed: 10, Oldest: justNow})
	if lag() != 3*time.Second {
		t.Errorf("%v, want 3s", lag())
	}
	if got := p.doubtful(); len(got) != 0 {
		t.Errorf("what waits there is known, and is looked for again: %v", got)
	}
	p.reached(4, 11)
	p.newest(4, now.Add(-time.Second).UnixMilli())
	if lag() != time.Second {
		t.Errorf("it flows: %v, want a second", lag())
	}
	if got := p.doubtful(); len(got) != 0 {
		t.Errorf("it moves, and is looked for: %v", got)
	}
	p.stands(4, 20, 0)
	if got := p.doubtful(); got[4] != 11 {
		t.Errorf("it stands still, and nobody looks: %v", got)
	}
}

// TestAViewThatShowsNothingYetTellsHowLongItLetsWait: there is no newest event to go by.
func TestAViewThatShowsNothingYetTellsHowLongItLetsWait(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_800_000_000_000)
	v := &projection{}
	v.progress.begins(kafka.Assignment{Position: -1, Log: kafka.Extent{Start: 2, Stable: 5}})
	if got := v.progress.doubtful(); got[0] != 2 {
		t.Fatalf("nobody looks: %v", got)
	}
	v.progress.waits(kafka.Lag{Partition: 0, Committed: 2, Oldest: now.Add(-time.Minute)})
	if got := v.status().Partitions[0].Lag(now); got != time.Minute {
		t.Errorf("%v, want a minute", got)
	}
}
