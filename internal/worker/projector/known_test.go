package projector

import (
	"slices"
	"testing"
	"time"

	"recount/internal/kafka"
)

// TestKnown follows one partition of two. Times are seconds; the margin is 10 for a transaction and 5 for the clocks.
func TestKnown(t *testing.T) {
	t.Parallel()
	second := func(n int64) time.Time { return time.Unix(n, 0) }
	const unknown = -1
	type step struct {
		at, position, stable int64
		event                int64 // when the newest record was recorded; 0: there was none
		want                 int64
	}
	for name, steps := range map[string][]step{
		"an empty log":                     {{at: 100, want: 85}, {at: 105, want: 90}},
		"caught up":                        {{at: 100, position: 7, stable: 7, event: 20, want: 85}},
		"caught up a moment later":         {{at: 100, position: 6, stable: 7, want: unknown}, {at: 105, position: 7, stable: 9, want: 85}},
		"always behind a busy partition":   {{at: 100, position: 6, stable: 9, want: unknown}, {at: 105, position: 8, stable: 12, want: unknown}, {at: 110, position: 9, stable: 15, want: 85}, {at: 115, position: 15, stable: 20, want: 95}},
		"by the newest record":             {{at: 100, position: 6, stable: 9, event: 99, want: 99}},
		"the newest record is old":         {{at: 100, position: 9, stable: 9, event: 30, want: 85}},
		"nothing was read, or all is far":  {{at: 100, position: 0, stable: 9, want: unknown}, {at: 105, position: 8, stable: 9, want: unknown}},
		"the log could not be asked about": {{at: 100, position: 9, stable: -1, want: unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKnowledge(10 * time.Second)
			for i, s := range steps {
				status := ViewStatus{Context: "bank", View: "v", Generation: 3, Partitions: []PartitionStatus{{Partition: 1, Position: s.position, Stable: s.stable}}}
				want := second(s.want)
				if s.event > 0 {
					status.Partitions[0].EventTime = second(s.event)
					if s.event == s.want {
						want = want.Add(-time.Millisecond) // another may have the same stamp
					}
				}
				log := map[int32]kafka.Extent{0: {}, 1: {Stable: s.stable, End: s.stable + 3}}
				if s.stable < 0 {
					log = nil
				}
				got := k.learn(second(s.at), status, log)
				if s.want == unknown {
					if len(got) != 0 {
						t.Errorf("step %d: %+v is not known", i, got)
					}
					continue
				}
				if len(got) != 1 || !got[0].Until.Equal(want) || got[0].Partition != 1 || got[0].Partitions != 2 || got[0].Generation != 3 {
					t.Errorf("step %d: got %+v, want until %v", i, got, want)
				}
			}
		})
	}
}

// TestKnownIsOfOneGeneration: what one generation has reached says nothing of the next.
func TestKnownIsOfOneGeneration(t *testing.T) {
	t.Parallel()
	k := newKnowledge(time.Second)
	log := map[int32]kafka.Extent{0: {Stable: 9}}
	at := func(generation int, position int64) ViewStatus {
		return ViewStatus{View: "v", Generation: generation, Partitions: []PartitionStatus{{Position: position}}}
	}
	got := slices.Concat(
		k.learn(time.Unix(100, 0), at(1, 8), log),
		k.learn(time.Unix(105, 0), at(2, 8), log),
		k.learn(time.Unix(110, 0), at(0, 9), log)) // not made yet
	if len(got) != 0 {
		t.Errorf("known too early: %+v", got)
	}
	if got = k.learn(time.Unix(115, 0), at(2, 9), log); len(got) != 1 || got[0].Generation != 2 {
		t.Errorf("got %+v", got)
	}
}
