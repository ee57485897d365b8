package aggregator

import (
	"testing"
	"time"
)

func TestASmallTransactionIsFollowedByABreath(t *testing.T) {
	t.Parallel()
	ended := time.UnixMilli(1_000)
	for _, c := range []struct {
		what     string
		commands int
		since    time.Duration
		want     time.Duration
	}{
		{"just ended", 1, 0, breath},
		{"a checkpoint", 0, 0, breath},
		{"a millisecond ago", 1, time.Millisecond, breath - time.Millisecond},
		{"long ago", 1, time.Second, breath - time.Second},
		{"a large one", breathless, 0, 0},
		{"the clock was set back", 1, -time.Hour, breath},
	} {
		var b breather
		b.end(ended, c.commands)
		if got := b.rest(ended.Add(c.since)); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	if rest := (&breather{}).rest(ended); rest > 0 {
		t.Errorf("before the first transaction: %v", rest)
	}
}
