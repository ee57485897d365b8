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
	s.progress()
	began := time.Now()
	for s.killed < soakKillsMin || s.freezes() < soakFreezesMin {
		if time.Since(began) > soakMax {
			t.Fatalf("after %v only %d kills and %d freezes", soakMax, s.killed, s.freezes())
		}
		s.strike(s.draw())
	}
	f.end()
	s.decided()
	for f, n := range s.counts {
		t.Logf("%4d × %s", n, f)
	}
	t.Logf("%d faults in %v: %d processes were killed, %d were out of sight past the session timeout", s.struck(), time.Since(began).Round(time.Second), s.killed, s.freezes())
	s.settle()
	s.audit()
	s.stores()
}

// draw favours what is still missing.
func (s *storm) draw() fault {
	common := []fault{killWorker, killForLong, killInRow, killAgain, killBroker, killEverybody, die, join}
	if s.freezes() < soakFreezesMin && s.random.IntN(3) > 0 {
		common = []fault{freezeForLong, freezeForLong, stallLine, pauseForLong}
	}
	if s.random.IntN(8) == 0 {
		common = []fault{freeze, stopWorker, join, leave, restartBroker, pauseBroker, cutLine}
	}
	return common[s.random.IntN(len(common))]
}
