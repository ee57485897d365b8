package rebuild

import (
	"testing"
	"testing/synctest"
	"time"

	"recount/internal/clickhouse"
)

func vector(next int64) clickhouse.Vector { return clickhouse.Vector{"bank": {0: next, 1: 7}} }

func TestHowOldAGenerationIs(t *testing.T) {
	t.Parallel()
	var l lateness
	now := time.Unix(1000, 0)
	for i, look := range []struct {
		after         time.Duration
		ends, reached int64
		age           time.Duration
		follows       bool
	}{
		{0, 10, 10, 0, false},
		{time.Second, 20, 10, 0, false},               // just written: lacking since now
		{time.Second, 30, 15, time.Second, true},      // some of what was there a second ago
		{time.Second, 40, 20, time.Second, true},      // the first is reached, the second is not
		{time.Second, 40, 20, 2 * time.Second, false}, // it stands still
		{time.Second, 40, 40, 0, true},                // all of it
		{time.Second, 40, 40, 0, false},               // nothing comes
		{time.Second, 50, 40, 0, false},               // and again
		{time.Second, 60, 60, 0, true},
	} {
		now = now.Add(look.after)
		if age, follows := l.see(now, vector(look.ends), vector(look.reached)); age != look.age || follows != look.follows {
			t.Errorf("look %d: %v old, followed: %v", i, age, follows)
		}
	}
	for range 10 * sightsMax { // whoever never catches up costs no more and more memory
		now = now.Add(time.Second)
		l.see(now, vector(now.Unix()), vector(60))
	}
	if len(l.sights) != sightsMax {
		t.Errorf("%d looks are remembered", len(l.sights))
	}
}

func TestABlockWaitsForWhatServesAndNotForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var y yielding
		began := time.Now()
		if y.wait(t.Context()); time.Since(began) != 0 {
			t.Errorf("%v, and nothing is behind", time.Since(began))
		}
		y.behind.Store(true)
		if y.wait(t.Context()); time.Since(began) < yieldMax || time.Since(began) > yieldMax+yieldStep {
			t.Errorf("%v", time.Since(began))
		}
		began = time.Now()
		time.AfterFunc(time.Second/2, func() { y.behind.Store(false) })
		if y.wait(t.Context()); time.Since(began) > time.Second/2+yieldStep {
			t.Errorf("%v behind what had caught up", time.Since(began))
		}
	})
}
