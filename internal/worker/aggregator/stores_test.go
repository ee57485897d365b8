package aggregator_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// Stores that must not be gone on with. Each test plants an account in a store that no event speaks of: it is found again
// exactly where the store was trusted, which the controls show.

// A restore that was killed leaves states, and nothing that says how far they reach.
func TestAHalfRestoredStoreIsDropped(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, half := range map[string]bool{"half": true, "whole, the control": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			root, want := p.book(accounts)
			n := home("acct-0")
			inStore(t, root, n, func(s statestore.Store) {
				plant(t, s)
				if half {
					var b statestore.Batch
					b.Delete([]byte("m"))
					if err := s.Apply(&b); err != nil {
						t.Fatal(err)
					}
				}
			})
			told := newDiary()
			cfg := p.config("w1", root)
			cfg.Observer, cfg.CheckpointEvery = told, -1
			p.life(cfg, func() {})
			root = root.Reopen()
			if found := planted(t, root, n); found == half {
				t.Errorf("the planted account is there: %v", found)
			}
			if !half {
				return
			}
			sameStates(t, statesIn(t, root), want, accounts)
			if from, _, _ := told.origins(); !maps.Equal(from, map[aggregator.Origin]int{aggregator.FromSnapshots: 1}) {
				t.Errorf("restored %v, want one from snapshots", from)
			}
		})
	}
}

// The log was restored from an older copy, and the store knows more than there is.
func TestAStoreAheadOfTheLogIsFilledAgain(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, c := range map[string]struct {
		events, refusals int64
		again            bool
	}{
		"of the events":           {1 << 40, 0, true},
		"of the refusals":         {0, 1 << 40, true},
		"of neither, the control": {0, 0, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			root, want := p.book(accounts)
			n := home("acct-0")
			cfg := p.config("w1", root)
			inStore(t, root, n, func(s statestore.Store) {
				plant(t, s)
				p.advance(s, cfg, n, c.events, c.refusals)
			})
			told := newDiary()
			cfg.Observer, cfg.CheckpointEvery = told, -1
			p.life(cfg, func() {})
			root = root.Reopen()
			if found := planted(t, root, n); found == c.again {
				t.Errorf("the planted account is there: %v", found)
			}
			from, _, _ := told.origins()
			if restored := len(from) > 0; restored != c.again {
				t.Errorf("restored %v", from)
			}
			if c.again {
				sameStates(t, statesIn(t, root), want, accounts)
			}
		})
	}
}

// advance has a store say that it reflects its logs further than they reach.
func (p *pipeline) advance(s statestore.Store, cfg aggregator.Config, n int32, events, refusals int64) {
	p.t.Helper()
	e := p.engineOver(s, cfg, n)
	if err := e.FoldEvents(nil, events); err != nil {
		p.t.Fatal(err)
	}
	if err := e.FoldRefusals(nil, refusals); err != nil {
		p.t.Fatal(err)
	}
	writes, _, err := e.Flush()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, w := range writes {
		put(p.t, s, w.Key, w.Value)
	}
}

// A store that misses an event which the log has counted on: the next version does not follow.
func TestAGapInTheTailFillsTheStoreAgain(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, later := range map[string]bool{"events follow": true, "none do, the control": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			root, _ := p.book(accounts)
			n := home("acct-0")
			inStore(t, root, n, func(s statestore.Store) {
				plant(t, s)
				var b statestore.Batch
				b.Delete([]byte("s/account/acct-0"))
				if err := s.Apply(&b); err != nil {
					t.Fatal(err)
				}
			})
			total := accounts * 21
			if later {
				p.life(p.config("elsewhere", statestore.NewMem()), func() {
					p.deposit(accounts, 3, "later")
					p.flush()
					total += accounts * 3
					p.events(total)
				})
			}
			told := newDiary()
			cfg := p.config("w1", root)
			cfg.Observer, cfg.CheckpointEvery = told, -1
			p.life(cfg, func() {})
			root = root.Reopen()
			if found := planted(t, root, n); found == later {
				t.Errorf("the planted account is there: %v", found)
			}
			if !later {
				return
			}
			if from, _, _ := told.origins(); !maps.Equal(from, map[aggregator.Origin]int{aggregator.FromSnapshots: 1}) {
				t.Errorf("restored %v, want one from snapshots", from)
			}
			want := statestore.NewMem()
			p.rebuild(p.config("folds", want), aggregator.Rebuild{FromZero: true})
			sameStates(t, statesIn(t, root), statesIn(t, want.Reopen()), accounts)
		})
	}
}

// TestARebuildFillsWhatItIsAskedFor: the partitions named, and no other, also where a sound store is in the way.
func TestARebuildFillsWhatItIsAskedFor(t *testing.T) {
	t.Parallel()
	const accounts = 12
	p := newPipeline(t)
	root, want := p.book(accounts)
	for n := range int32(partitions) {
		inStore(t, root, n, func(s statestore.Store) { plant(t, s) })
	}
	var said []aggregator.Progress
	done := p.rebuild(p.config("w1", root), aggregator.Rebuild{
		Partitions: []int32{3, 1, 3}, FromZero: true, Progress: func(now aggregator.Progress) { said = append(said, now) },
	})
	if len(done) != 2 || done[0].Partition != 1 || done[1].Partition != 3 {
		t.Fatalf("rebuilt %+v", done)
	}
	records := 0
	for _, r := range done {
		records += r.Records
	}
	last := said[len(said)-1]
	if last.Restored != 2 || last.Partitions != 2 || last.Passed != last.Planned || last.Records != int64(records) || records == 0 {
		t.Errorf("at the end: %+v of %d records", last, records)
	}
	for i := 1; i < len(said); i++ {
		if said[i].Passed < said[i-1].Passed || said[i].Passed > said[i].Planned {
			t.Errorf("%+v after %+v", said[i], said[i-1])
		}
	}
	root = root.Reopen()
	for n := range int32(partitions) {
		if got, rebuilt := planted(t, root, n), slices.Contains([]int32{1, 3}, n); got == rebuilt {
			t.Errorf("partition %d: the planted account is there: %v", n, got)
		}
	}
	p.rebuild(p.config("w1", root), aggregator.Rebuild{})
	sameStates(t, statesIn(t, root.Reopen()), want, accounts)
}

func TestARebuildOfAPartitionThatIsNotThere(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	w, err := aggregator.New(t.Context(), p.config("w1", statestore.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int32{-1, partitions} {
		if _, err := w.Rebuild(t.Context(), aggregator.Rebuild{Partitions: []int32{0, n}}); err == nil || !strings.Contains(err.Error(), fmt.Sprint("partitions 0 to ", partitions-1)) {
			t.Errorf("partition %d: %v", n, err)
		}
	}
}

// TestAWorkerGoesOnFromARebuild: what was rebuilt offline needs the tail alone.
func TestAWorkerGoesOnFromARebuild(t *testing.T) {
	t.Parallel()
	const accounts = 6
	p := newPipeline(t)
	p.book(accounts)
	root := statestore.NewMem()
	p.rebuild(p.config("w2", root), aggregator.Rebuild{})
	told := newDiary()
	cfg := p.config("w2", root.Reopen())
	cfg.Observer = told
	p.life(cfg, func() {
		p.deposit(accounts, 1, "after")
		p.flush()
		p.events(accounts * 22)
	})
	if from, _, _ := told.origins(); len(from) != 0 || told.replayed != 0 {
		t.Errorf("restored %v, replayed %d records", from, told.replayed)
	}
}
