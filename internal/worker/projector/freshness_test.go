package projector

import (
	"testing"
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
)

func TestEachViewHasItsOwnFreshness(t *testing.T) {
	t.Parallel()
	balances, archive := es.View{FreshnessMillis: 100}, es.View{}
	cfg := Config{InsertsPerSecond: 60}.withDefaults()
	if l := cfg.limits(balances, 12); l.Age != 100*time.Millisecond || l.Rate != 5 {
		t.Errorf("balances: %+v", l)
	}
	if l := cfg.limits(archive, 12); l.Age != time.Second || l.Rate != 5 {
		t.Errorf("the archive: %+v", l)
	}
	cfg.Limits.Age = 7 * time.Millisecond
	for _, v := range []es.View{balances, archive} {
		if l := cfg.limits(v, 12); l.Age != 7*time.Millisecond {
			t.Errorf("what a person says does not count: %+v", l)
		}
	}
}

// TestTheWindowIsMadeForTheRateThatIsKept: all partitions together never begin more ranges than a table remembers.
func TestTheWindowIsMadeForTheRateThatIsKept(t *testing.T) {
	t.Parallel()
	for _, partitions := range []int{1, 12, 500} {
		cfg := Config{InsertsPerSecond: 40, Limits: kafka.RangeLimits{Age: time.Millisecond}}.withDefaults()
		outage := cfg.Pace().Outage().Seconds()
		if begun := cfg.limits(es.View{}, partitions).Rate * float64(partitions) * outage; int(begun) > cfg.Pace().Window() {
			t.Errorf("%d partitions begin %v ranges in the time of an outage, and a table remembers %d", partitions, begun, cfg.Pace().Window())
		}
	}
}
