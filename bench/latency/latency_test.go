package main

import (
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/domain/bank/account"
	"recount/internal/es"
)

func TestDefaultsAreTheFullBenchmark(t *testing.T) {
	t.Parallel()
	o, err := parse(nil, io.Discard)
	if err != nil || o.rate != 5000 || len(o.chosen()) != len(trials()) || o.Out != filepath.Join("bench", "results", "latency.json") {
		t.Errorf("%+v, %v", o, err)
	}
	if o.first() != 75_000 || o.commands() != 225_000 {
		t.Errorf("%d of %d commands do not count", o.first(), o.commands())
	}
}

func TestOptionsTellAllTheirFaults(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--rate", "0", "--time", "1ms", "--only", "akka", "--partitions", "0", "rest"}, io.Discard)
	for _, fault := range []string{"--rate", "--time", `"akka"`, "--partitions", `"rest"`} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
}

// TestAWaitIsCountedForAllThatComeDueMeanwhile: the sender stood still for a second, and no command sent after it hides that.
func TestAWaitIsCountedForAllThatComeDueMeanwhile(t *testing.T) {
	t.Parallel()
	const n = 1000
	w := &watch{commands: n, pace: workload.Pace{Start: time.Unix(100, 0), PerSecond: n}, committed: make([]int64, n)}
	for i := range n {
		w.committed[i] = time.Unix(101, 0).UnixNano() // all at once, at the end
	}
	if got := report.DelaysOf(w.dueFrom(0)); got.Max != time.Second || got.P50 != 500*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

// TestEachEventIsOfOneCommand: an event of no command and a second one of the same are errors.
func TestEachEventIsOfOneCommand(t *testing.T) {
	t.Parallel()
	codec, err := benchsubject.Offline()
	if err != nil {
		t.Fatal(err)
	}
	w := &watch{codec: codec, numbers: [][]int{{0, 2}, {1}}, commands: 3, committed: make([]int64, 3), places: make([]place, 3)}
	frame := func(partition int32, offset int64) []byte {
		f, _, _, err := codec.Context(benchsubject.Bank).AppendEvent(nil, account.Type(), &es.Meta{Source: es.Source{Partition: partition, Offset: offset}}, account.AccountOpened{})
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	at := time.Unix(7, 0)
	if err := w.note(frame(0, 1), place{0, 9}, at); err != nil || w.committed[2] != at.UnixNano() || w.places[2] != (place{0, 9}) {
		t.Errorf("%v, %v", w.committed, err)
	}
	for _, wrong := range [][]byte{frame(0, 1), frame(0, 2), frame(2, 0), []byte("garbage")} {
		if err := w.note(wrong, place{}, at); err == nil {
			t.Errorf("%x is taken for an event of the stream", wrong)
		}
	}
	if w.seen != 1 {
		t.Errorf("%d were seen", w.seen)
	}
}

// TestAnEventIsSeenWithTheFirstAnswerThatReachesIt: what an answer leaves out was not to be seen yet.
func TestAnEventIsSeenWithTheFirstAnswerThatReachesIt(t *testing.T) {
	t.Parallel()
	start := time.Unix(100, 0)
	g := newGallery(nil, "b", "h")
	if !g.history.note(place{3, 1}, start.Add(10*time.Millisecond)) || !g.history.note(place{3, 4}, start.Add(40*time.Millisecond)) {
		t.Error("what was not seen before is not new")
	}
	if g.history.note(place{3, 4}, start.Add(time.Hour)) || g.history.note(place{3, 2}, start.Add(time.Hour)) {
		t.Error("what was seen before is new")
	}
	w := &watch{commands: 4, pace: workload.Pace{Start: start, PerSecond: 1000}, places: []place{{3, 0}, {3, 1}, {3, 2}, {3, 4}}}
	want := []time.Duration{10 * time.Millisecond, 9 * time.Millisecond, 38 * time.Millisecond, 37 * time.Millisecond}
	if got := w.seenIn(&g.history, 0); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	g.ends(w.places)
	if end := *g.until.Load(); !maps.Equal(end, g.history.newest()) || maps.Equal(end, g.balances.newest()) {
		t.Errorf("%v, the history is at %v, the balances at %v", end, g.history.newest(), g.balances.newest())
	}
}
