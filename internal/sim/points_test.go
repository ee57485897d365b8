package sim

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestACrashAtEachPoint kills a worker at every point there is, with its disk kept, torn and lost, while another goes on.
func TestACrashAtEachPoint(t *testing.T) {
	t.Parallel()
	asIs := codeOf(t, faithful)
	for _, at := range points() {
		t.Run(string(at), func(t *testing.T) {
			t.Parallel()
			for n, fate := range []diskFate{diskKept, diskTorn, diskLost} {
				r := play(t, worldConfig{code: asIs, partitions: 2, processes: 2, sessions: 1, producers: 1}, func(s *scene) { s.crashOnce(at, fate, uint64(n)) })
				holds(t, r)
				if r.counts.crashes[at] != 1 {
					t.Errorf("disk %s: it has not crashed there", fate)
				}
			}
		})
	}
}

// crashOnce has a worker reach a point, whichever it is: it takes over, from an empty disk, decides, and stops.
func (s *scene) crashOnce(at point, fate diskFate, seed uint64) {
	victim := s.processes[0]
	s.start(s.processes[1])
	s.decided("before", 8, 60, time.Second)
	made := s.checkpointsSoFar()
	s.decided("again", 8, 20, time.Second)
	s.until("a checkpoint, for its snapshots to be loaded", func(f figures) bool { return f.checkpoints > made })
	victim.arm(at, 1, func(l *life) { l.kill(at, time.Second, fate, stream(seed, howDisksTear)) })
	s.start(victim)
	s.decided("meanwhile", 8, 60, 3*time.Second)
	s.processes[1].shutdown(10 * time.Second) // it alone decides now
	s.decided("after", 8, 60, 4*time.Second)
	victim.shutdown(time.Second)
	s.decided("at last", 8, 20, time.Second)
}

// TestTheCrashTableNamesEachPoint holds the crash table in ARCHITECTURE.md to the list of points, and back.
func TestTheCrashTableNamesEachPoint(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	named := crashTable(string(text))
	for _, at := range points() {
		if !slices.Contains(named, string(at)) {
			t.Errorf("the crash table does not say what happens where %q", at)
		}
	}
	for _, at := range named {
		if !slices.Contains(points(), point(at)) {
			t.Errorf("the crash table names %q, where nothing is crashed", at)
		}
	}
	if len(named) < 10 {
		t.Errorf("the crash table names %d points", len(named))
	}
}

// crashTable returns the points in the rows that begin with "| aggregator: ", several of them divided by " · ".
func crashTable(text string) (named []string) {
	for line := range strings.Lines(text) {
		if row, is := strings.CutPrefix(line, "| aggregator: "); is {
			first, _, _ := strings.Cut(row, " |")
			named = append(named, strings.Split(first, " · ")...)
		}
	}
	return named
}
