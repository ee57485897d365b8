//go:build e2e && soak

package e2e_test

import (
	"testing"
	"time"
)

const (
	soakKillsMin, soakFreezesMin = 100, 50
	soakMax                      = 90 * time.Minute
)

// TestSoakInAStorm goes on until a hundred processes were killed and fifty were out of sight past the session timeout,
// and then compares the log and the stores as the short storm does.
func TestSoakInAStorm(t *testing.T) {
	w := newWorld(t, nil)
	s := newStorm(w)
	f := w.feed(rateUsual)
	w.call(s.servers...)
	s.progress()
	began := time.Now()
	for s.counts.Kills < soakKillsMin || s.freezes() < soakFreezesMin {
		if time.Since(began) > soakMax {
			t.Fatalf("after %v only %d kills and %d freezes", soakMax, s.counts.Kills, s.freezes())
		}
		s.strike(s.draw())
	}
	s.over(f, began)
}

// draw favours what is still missing.
func (s *storm) draw() fault {
	common := []fault{killWorker, killForLong, killInRow, killAgain, killBroker, killEverybody, die, join, killServer, killProjector, killViews, killViewsWorkers}
	if s.freezes() < soakFreezesMin && s.random.IntN(3) > 0 {
		common = []fault{freezeForLong, freezeForLong, stallLine, pauseForLong, freezeProjector}
	}
	if s.random.IntN(8) == 0 {
		common = []fault{freeze, stopWorker, join, leave, restartBroker, pauseBroker, cutLine, freezeServer}
	}
	return common[s.random.IntN(len(common))]
}
