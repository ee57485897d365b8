package rebuild

import "testing"

// TestAChaseEnds runs after logs that grow by so much in each round, however slow that makes the rounds.
func TestAChaseEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begins    int64
		grows     func(round int, filled int64) int64
		roundsMax int
		leavesMax int64
	}{
		"nothing there":                  {0, func(int, int64) int64 { return 0 }, 0, 0},
		"a log at rest":                  {1_000_000, func(int, int64) int64 { return 0 }, 1, 0},
		"a tenth as fast":                {1_000_000, func(_ int, filled int64) int64 { return filled / 10 }, 3, fillPatch},
		"the same whatever is filled":    {1_000_000, func(int, int64) int64 { return 5_000 }, 2, 5_000},
		"as fast as it is filled":        {1_000_000, func(_ int, filled int64) int64 { return filled }, 1, 1_000_000},
		"faster with each round":         {1_000_000, func(round int, _ int64) int64 { return int64(round) * 30_000 }, 2, 60_000},
		"less than what is left anyway":  {1_500, func(int, int64) int64 { return fillPatch - 1 }, 1, fillPatch},
		"more than what there ever was":  {100, func(int, int64) int64 { return 1_000_000 }, 1, 1_000_000},
		"nearly as fast as it is filled": {1_000_000, func(_ int, filled int64) int64 { return filled * 9 / 10 }, 1, 900_000},
	} {
		var chased chase
		left, rounds := c.begins, 0
		for !chased.over(left) {
			rounds++
			if rounds > 20 {
				t.Fatalf("%s: it goes on for ever, with %d left", name, left)
			}
			left = c.grows(rounds, left)
		}
		if rounds > c.roundsMax || left > c.leavesMax || c.begins > 0 && rounds == 0 {
			t.Errorf("%s: %d rounds, %d left; want at most %d and %d", name, rounds, left, c.roundsMax, c.leavesMax)
		}
	}
}
