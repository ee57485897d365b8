package aggregator

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"recount/internal/kafka"
)

func TestASmallTransactionIsFollowedByABreath(t *testing.T) {
	t.Parallel()
	const breath = 3 * time.Millisecond
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
		b := breather{breath: breath}
		b.end(ended, c.commands)
		if got := b.rest(ended.Add(c.since)); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
	if rest := (&breather{breath: breath}).rest(ended); rest > 0 {
		t.Errorf("before the first transaction: %v", rest)
	}
}

// TestAPauseIsNoLongerThanItPays: a broker that can't be asked is thought to be as brokers come.
func TestAPauseIsNoLongerThanItPays(t *testing.T) {
	t.Parallel()
	for putOff, want := range map[time.Duration]time.Duration{
		time.Millisecond: time.Millisecond, kafka.PutOffDefault: breathMax, time.Second: breathMax, 0: 0,
	} {
		if got := breathFor(putOff); got != want {
			t.Errorf("records are put off for %v: a pause of %v, want %v", putOff, got, want)
		}
	}
	nobody := &Worker{cfg: Config{Kafka: kafka.Config{Brokers: []string{"127.0.0.1:1"}}, Log: slog.New(slog.DiscardHandler)}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if nobody.learnBreath(ctx); nobody.breath != breathMax {
		t.Errorf("nobody says for how long records are put off: a pause of %v, want %v", nobody.breath, breathMax)
	}
}
