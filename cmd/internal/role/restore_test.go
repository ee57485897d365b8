package role

import (
	"testing"
	"time"

	"recount/internal/worker/aggregator"
)

func TestProgressInWords(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]aggregator.Progress{
		"0 of 12 partitions": {Partitions: 12, Planned: 100},
		"1 of 2 partitions":  {Restored: 1, Partitions: 2},
		"3 of 12 partitions, 25 % read, 1,000,000 records/s, 6s left": {Restored: 3, Partitions: 12, Passed: 100, Planned: 400, Records: 2_000_000},
	} {
		if got := progress(p, 2*time.Second); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
