package main

import (
	"io"
	"testing"
	"time"
)

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"--rate", "100", "--warm-up", "2s", "--moves", "3", "--rest", "1s"}, io.Discard)
	if err != nil || o.plan.Commands != 500 {
		t.Errorf("%+v %v", o, err)
	}
	for _, bad := range [][]string{{"--rate=0"}, {"--moves=0"}, {"--rest=0s"}, {"x"}, {"--partitions=0"}} {
		if _, err := parse(bad, io.Discard); err == nil {
			t.Errorf("%v passes", bad)
		}
	}
}

func TestTheLongestGap(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_000, 0)
	var w watch
	w.arrived = map[int32][]time.Time{}
	for _, second := range []int{0, 1, 5, 6, 20} {
		w.arrived[1] = append(w.arrived[1], at.Add(time.Duration(second)*time.Second))
	}
	for _, c := range []struct{ from, until, want int }{{0, 30, 14}, {2, 3, 4}, {0, 6, 4}, {5, 6, 1}, {21, 30, 0}} {
		if got := w.longest(1, at.Add(time.Duration(c.from)*time.Second), at.Add(time.Duration(c.until)*time.Second)); got != time.Duration(c.want)*time.Second {
			t.Errorf("from %d to %d: %v", c.from, c.until, got)
		}
	}
}
