//go:build e2e

package e2e_test

import (
	"testing"
	"time"
)

// rateUsual is how many commands a second are sent: enough that every fault meets workers in the middle of something.
const rateUsual = 1500

// TestNothingIsLostInAStorm has everything happen that can, in an order of its seed's, while commands come in, as records
// and over HTTP. Then the log must be what one worker would have written that nothing happened to, and every store and
// every view its fold.
func TestNothingIsLostInAStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s := newStorm(w)
	f := w.feed(rateUsual)
	w.call(s.servers...)
	s.progress()
	began := time.Now()
	faults := []fault{
		killWorker, killWorker, killWorker, killForLong, killInRow, killAgain,
		freeze, freezeForLong, freezeForLong, stopWorker, stopWorker,
		join, join, leave, die,
		killBroker, killBroker, restartBroker, pauseBroker, pauseForLong, killEverybody,
		cutLine, cutLine, stallLine,
		killServer, killServer, freezeServer,
		killProjector, killProjector, freezeProjector, killViews, killViewsWorkers,
	}
	s.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
	for _, f := range faults {
		s.strike(f)
	}
	s.over(f, began)
}
