package kafka

import (
	"testing"
	"time"
)

// begun counts the ranges that n pipelines begin in a time, each ready for its next as soon as it began one.
func begun(r *rate, perSecond float64, pipelines int, in time.Duration) (n int) {
	start := time.Unix(1_000_000, 0)
	ready := make([]time.Time, pipelines)
	for i := range ready {
		ready[i] = start
	}
	for {
		first := 0
		for i := range ready {
			if ready[i].Before(ready[first]) {
				first = i
			}
		}
		at := ready[first].Add(r.wait(ready[first], perSecond))
		if !at.Before(start.Add(in)) {
			return n
		}
		n++
		ready[first] = at.Add(time.Microsecond) // as fast as can be
	}
}

func TestNoMoreRangesBeginThanTheRateAllows(t *testing.T) {
	t.Parallel()
	const perSecond, pipelines, seconds = 50, 12, 10
	most := perSecond*seconds + int(perSecond*rateBurst/time.Second) + pipelines
	got := begun(&rate{}, perSecond, pipelines, seconds*time.Second)
	if got > most || got < perSecond*seconds {
		t.Errorf("%d began in %d s at %d a second", got, seconds, perSecond)
	}
	unbound := begun(&rate{}, 1000*perSecond, pipelines, time.Second)
	if unbound <= most {
		t.Error("a rate that binds nobody lets no more begin: the test proves nothing")
	}
}

func TestWhatComesAfterAPauseGoesAtOnce(t *testing.T) {
	t.Parallel()
	var r rate
	now := time.Unix(1_000_000, 0)
	for range 5 { // what 50 a second make in rateBurst
		if wait := r.wait(now, 50); wait != 0 {
			t.Errorf("it waits for %v", wait)
		}
	}
	r.wait(now, 50)
	if wait := r.wait(now, 50); wait == 0 {
		t.Error("as many go at once as like: the test proves nothing")
	}
	if wait := r.wait(now.Add(time.Second), 50); wait != 0 {
		t.Errorf("after a pause it waits for %v", wait)
	}
	if wait := r.wait(now, 0); wait != 0 {
		t.Errorf("without a rate it waits for %v", wait)
	}
}
