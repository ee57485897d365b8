package kafka

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestDeclarationsAreReadAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	for _, d := range []declaration{
		{generation: 1}, {generation: 12, next: &Bounds{0, 0}}, {generation: 3, next: &Bounds{17, 1<<62 + 1}},
	} {
		offset := int64(99)
		if d.next != nil {
			offset = d.next.First
		}
		got, err := parseDeclaration(d.String(), offset)
		if err != nil || got.String() != d.String() {
			t.Errorf("%s was read as %s, %v", d, got, err)
		}
	}
}

func TestForeignMetadataIsAnErrorAndNoGuess(t *testing.T) {
	t.Parallel()
	for _, metadata := range []string{
		"", "gen=", "gen=x", "gen=1;", "gen=1;next=", "gen=1;next=5", "gen=1;next=5-", "gen=1;next=5-4", "gen=1;next=6-9",
		"gen=1;next=5-9 ", "gen=1;next=5-9;", "gen=01", " gen=1", "gen=+1", "consumer-1-d5b4", "gen=1;last=5-9",
	} {
		if d, err := parseDeclaration(metadata, 5); err == nil {
			t.Errorf("%q was taken for %s", metadata, d)
		}
	}
}

var errDied = errors.New("the member died")

// crashing lets members die at a step, every time after a few ranges, until everything is in the tables, and returns
// whether it is there exactly once. Each successor would choose other bounds.
func crashing(t *testing.T, step string, adapt func(*RangeConfig, *member)) error {
	t.Helper()
	w := newRangesWorld(t, 1)
	for i := range 6 {
		w.produce(0, 9+i, true)
		w.produce(0, 3, false)
	}
	for life := 0; !w.complete("a", "b"); life++ {
		if life > 40 {
			t.Fatal("it makes no progress")
		}
		var left atomic.Int32
		left.Store(2)
		m := &member{at: func(at string, _ Range) error {
			if at == step && left.Add(-1) < 0 {
				return errDied
			}
			return nil
		}}
		cfg := w.config()
		cfg.Limits.Records = 4 + life%5
		adapt(&cfg, m)
		r := w.start(cfg, m)
		for len(r.done) == 0 && !w.complete("a", "b") {
			time.Sleep(time.Millisecond)
		}
		if err := r.end(t); err != nil && !errors.Is(err, errDied) {
			t.Fatal(err)
		}
	}
	return w.exact("a", "b")
}

func TestADeathAtAnyPointLeavesEveryRecordExactlyOnce(t *testing.T) {
	t.Parallel()
	for _, step := range []string{stepPrepare, stepDeclare, stepHalf, stepInsert} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			if err := crashing(t, step, func(*RangeConfig, *member) {}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithoutItsGuardsADeathIsSeen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		step   string
		weaken func(*RangeConfig, *member)
	}{
		"range not declared": {stepInsert, func(c *RangeConfig, _ *member) { c.Without = GuardDeclare }},
		"half, not declared": {stepHalf, func(c *RangeConfig, _ *member) { c.Without = GuardDeclare }},
		"token dropped":      {stepInsert, func(_ *RangeConfig, m *member) { m.tokenless = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := crashing(t, c.step, c.weaken); err == nil {
				t.Error("nothing was doubled: the test above proves nothing")
			}
		})
	}
}

func TestARangeIsDeclaredThenConfirmed(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	w.produce(0, 5, true) // offsets 0–4 and a marker
	seen := ""
	m := &member{at: func(step string, _ Range) error {
		if step == stepInsert {
			_, seen = w.committed(0)
		}
		return nil
	}}
	cfg := w.config()
	r := w.start(cfg, m)
	eventually(t, "the idle partition is confirmed", func() bool {
		offset, metadata := w.committed(0)
		return offset == 6 && metadata == "gen=1"
	})
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	// Whether the marker came with the records, and belongs to the range, is for the broker to say.
	if seen != "gen=1;next=0-4" && seen != "gen=1;next=0-5" {
		t.Errorf("while it was carried out, the range stood declared as %q", seen)
	}
}

// staleIdle has an idle partition whose last range falls out of the table's window before its member dies.
func staleIdle(t *testing.T, without RangeGuard) error {
	t.Helper()
	w := newRangesWorld(t, 2)
	w.window = 6
	cfg := w.config()
	cfg.Without = without
	w.produce(1, 3, true)
	first := w.start(cfg, &member{})
	eventually(t, "the idle partition's rows are in", func() bool { return w.complete("a", "b") })
	time.Sleep(3 * cfg.Limits.Idle)
	w.produce(0, 60, true)
	eventually(t, "the busy partition's rows are in", func() bool { return w.complete("a", "b") })
	// A death, not an end: nothing more is committed. The instance ID keeps the group as it was.
	first.kill(t)
	second := w.start(cfg, &member{})
	eventually(t, "the successor has joined", func() bool { return second.begins() == 2 })
	time.Sleep(3 * cfg.Limits.Idle)
	return errors.Join(w.exact("a", "b"), second.end(t))
}

func TestTheLastRangeOfAnIdlePartitionIsConfirmed(t *testing.T) {
	t.Parallel()
	if err := staleIdle(t, 0); err != nil {
		t.Error(err)
	}
	if err := staleIdle(t, GuardIdleConfirm); err == nil {
		t.Error("without the confirmation nothing is doubled: the test proves nothing")
	}
}

func TestAGracefulEndConfirms(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	w.produce(0, 5, true)
	cfg := w.config()
	cfg.Limits.Idle = time.Hour
	r := w.start(cfg, &member{})
	eventually(t, "all is reached", func() bool { return r.position(0) == 6 })
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	if offset, metadata := w.committed(0); offset != 6 || metadata != "gen=1" {
		t.Errorf("after the end the group stands at %d, %q", offset, metadata)
	}
}

func TestWhatTheGroupHoldsMustBeOurs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		offset   int64
		metadata string
		want     string
	}{
		"no metadata":        {3, "", "did not write"},
		"another's":          {3, "consumer-7", "did not write"},
		"another generation": {3, "gen=2;next=3-4", "belongs to generation 2"},
		"beyond the end":     {300, "gen=1", "truncated"},
		"range beyond":       {3, "gen=1;next=3-999", "truncated"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newRangesWorld(t, 1)
			w.produce(0, 9, true)
			w.commitAs(0, c.offset, c.metadata)
			err := w.start(w.config(), &member{}).ended(t)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "rebuild") {
				t.Errorf("got %v, want it to say %q and what to do", err, c.want)
			}
			if w.complete("a") {
				t.Error("rows were inserted all the same")
			}
		})
	}
}
