package cli

import (
	"os"
	"syscall"
	"testing"
	"testing/synctest"
)

func TestTheFirstSignalAsksTheSecondForces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 2)
		asked, forced := 0, 0
		go stopOn(signals, func() { asked++ }, func() { forced++ })
		synctest.Wait()
		for i, want := range [][2]int{{1, 0}, {1, 1}} {
			signals <- syscall.SIGTERM
			synctest.Wait()
			if asked != want[0] || forced != want[1] {
				t.Errorf("after signal %d: asked %d times, forced %d times", i+1, asked, forced)
			}
		}
	})
}

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"kafka", "kafka", 0}, {"", "abc", 3}, {"kafak", "kafka", 1}, {"batch", "bach", 1}, {"state", "stat", 1}, {"ab", "ba", 1}, {"kitten", "sitting", 3},
	} {
		if got := distance(c.a, c.b); got != c.want || distance(c.b, c.a) != got {
			t.Errorf("distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
	}
}
