package engine_test

import (
	"fmt"
	"testing"

	"recount/internal/engine"
)

// blocks counts the dedup blocks in the store, and their bytes.
func (r *rig) blocks() (n, bytes int) {
	r.t.Helper()
	for pair, err := range r.store.Scan([]byte("d"), []byte("e")) {
		if err != nil {
			r.t.Fatal(err)
		}
		n, bytes = n+1, bytes+len(pair.Value)
	}
	return n, bytes
}

// The window is bounded by a number of commands, and what is on disk and in memory follows: here a thousand flushes, each of
// one command, for a window of 160.
func TestBlocksLeaveTheDiskWithTheWindow(t *testing.T) {
	t.Parallel()
	const commands, limit = 1_000, 160
	for what, c := range map[string]struct {
		entries int
		millis  int64
		evicted bool
	}{
		"for their number":     {limit, 1 << 40, true},
		"for their age":        {1 << 20, limit, false},
		"not yet, the control": {1 << 20, 1 << 40, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.cfg.DedupEntries, r.cfg.DedupMillis = c.entries, c.millis
			r.open()
			for i := range commands {
				r.commit(r.step(int64(1_000_000+i), r.command("add", "a", fmt.Sprint("c", i), `{"by":0,"times":1}`)))
			}
			r.flush()
			n, bytes := r.blocks()
			if control := c.entries > limit && c.millis > limit; control != (n == commands) || !control && n > limit*17/16+2 {
				t.Errorf("%d blocks of %d bytes are on disk", n, bytes)
			}
			stats := r.p.Stats()
			if (stats.DedupEvicted > 0) != c.evicted || c.evicted && stats.DedupEntries > limit {
				t.Errorf("%+v", stats)
			}
			r.open() // a restart: all that is remembered is on disk
			if again := r.p.Stats(); again.DedupEntries < min(stats.DedupEntries, limit) || again.DedupEvicted != 0 {
				t.Errorf("after a restart %+v, before it %+v", again, stats)
			}
			newest := r.command("add", "a", fmt.Sprint("c", commands-1), `{"by":0,"times":1}`)
			if fx := r.step(1_000_000+commands, newest); fx.Counts.Duplicates != 1 {
				t.Errorf("the newest command is forgotten: %+v", fx.Counts)
			}
		})
	}
}

// Refusals from before the window are read for the sake of their sources alone.
func TestRefusalsOlderThanTheWindowAreNotRemembered(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ from, want int64 }{{0, 4}, {3, 1}} {
		r := newRig(t, 1)
		for i := range 4 {
			r.commit(r.step(1, r.command("add", "a", fmt.Sprint("no", i), `{"by":1000,"times":1}`)))
		}
		r.lose()
		r.p.Recall(0, c.from)
		r.foldAll()
		if got := r.p.Stats().DedupEntries; int64(got) != c.want || r.p.Next(engine.Commands) != 4 {
			t.Errorf("from refusal %d on: %d are remembered, want %d; decided up to %d", c.from, got, c.want, r.p.Next(engine.Commands))
		}
	}
}
