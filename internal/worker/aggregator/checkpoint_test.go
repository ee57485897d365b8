package aggregator_test

import (
	"fmt"
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// TestCheckpointsUnderLoad: workers come and go with empty disks while commands are decided and checkpoints are made all
// the time. Whatever a checkpoint caught, the states it gives must be those of the events.
func TestCheckpointsUnderLoad(t *testing.T) {
	t.Parallel()
	const accounts, rounds, each = 12, 3, 40
	p := newPipeline(t)
	p.openAccounts(accounts)
	total := accounts
	for range rounds {
		told := newDiary()
		cfg := p.config("w1", statestore.NewMem())
		cfg.Observer, cfg.BatchMax, cfg.SnapshotEvery, cfg.CheckpointEvery = told, 20, 7, time.Millisecond
		p.life(cfg, func() {
			before := total
			p.deposit(accounts, each, time.Now().String())
			p.flush()
			total += accounts * each
			p.events((before + total) / 2)
			if told.complete() == 0 {
				t.Error("no checkpoint was complete in the middle of the load: the test shows nothing")
			}
			p.events(total)
		})
	}
	p.agree(accounts)
}

// agree restores the partitions twice, from their snapshots and from zero, and compares what comes of it.
func (p *pipeline) agree(aggregates int) {
	p.t.Helper()
	by := map[aggregator.Origin]states{}
	for from, zero := range map[aggregator.Origin]bool{aggregator.FromSnapshots: false, aggregator.FromZero: true} {
		root := statestore.NewMem()
		cfg := p.config("restores", root)
		cfg.Now = later
		for _, r := range p.rebuild(cfg, aggregator.Rebuild{FromZero: zero}) {
			if r.From != from && r.Snapshots+r.Records > 0 {
				p.t.Errorf("partition %d was restored from %s, want %s", r.Partition, r.From, from)
			}
		}
		by[from] = statesIn(p.t, root.Reopen())
	}
	sameStates(p.t, by[aggregator.FromSnapshots], by[aggregator.FromZero], aggregates)
}

func (p *pipeline) rebuild(cfg aggregator.Config, r aggregator.Rebuild) []aggregator.Restored {
	p.t.Helper()
	w, err := aggregator.New(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	done, err := w.Rebuild(p.t.Context(), r)
	if err != nil {
		p.t.Fatal(err)
	}
	return done
}

// TestAPartThatIsNotKnownToBeCommittedIsMadeAgain breaks the connection at the end of the checkpoints' transactions.
func TestAPartThatIsNotKnownToBeCommittedIsMadeAgain(t *testing.T) {
	t.Parallel()
	const accounts = 12
	for what, lost := range map[string]bool{"the request is lost": true, "the answer is lost": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			broken, told := &faultyNet{every: 2, lost: lost}, newDiary()
			broken.idle.Store(true)
			cfg := p.config("w1", statestore.NewMem())
			cfg.Kafka.Dialer, cfg.Observer, cfg.CheckpointEvery = broken.dial, told, time.Second
			p.life(cfg, func() {
				p.openAccounts(accounts)
				p.deposit(accounts, 5, "d")
				p.flush()
				p.events(accounts * 6)
				broken.ends.Store(1) // the next one is broken
				broken.idle.Store(false)
				eventually(t, "a broken checkpoint, and a complete one", func() bool {
					return broken.broke.Load() > 0 && told.complete() >= partitionsOf(accounts)
				})
				broken.idle.Store(true)
			})
			if n := len(p.events(accounts * 6)); n != accounts*6 {
				t.Errorf("%d events: a checkpoint decided something", n)
			}
			p.agree(accounts)
		})
	}
}

// TestABatchCarriesTheSnapshotsThatAreDue: without any checkpoint.
func TestABatchCarriesTheSnapshotsThatAreDue(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		every int64
		some  bool
	}{"every 5 events": {5, true}, "never, the control": {-1, false}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			cfg := p.config("w1", statestore.NewMem())
			cfg.SnapshotEvery, cfg.CheckpointEvery = c.every, -1
			p.life(cfg, func() {
				p.openAccounts(4)
				p.deposit(4, 20, "d")
				p.flush()
				p.events(4 * 21)
			})
			got := p.read("bank.snapshots")
			if (len(got) >= 4) != c.some || !c.some && len(got) > 0 {
				t.Errorf("%d snapshots", len(got))
			}
			for _, r := range got {
				if string(r.Key) == engine.MarkerKey {
					t.Error("a marker without a checkpoint")
				}
			}
		})
	}
}

// TestSnapshotsCompactedAwayDuringARestore: an owner goes on while its partitions are restored elsewhere. After the
// restore has asked for the logs' ends, and before it reads, every snapshot below these ends is replaced and taken away.
func TestSnapshotsCompactedAwayDuringARestore(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, disturb := range map[string]bool{"compacted": true, "left alone, the control": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			told := newDiary()
			owner := p.config("w1", statestore.NewMem())
			owner.Observer, owner.CheckpointEvery = told, 50*time.Millisecond
			p.life(owner, func() {
				p.openAccounts(accounts)
				p.flush()
				p.events(accounts)
				eventually(t, "a checkpoint", func() bool { return told.complete() >= partitionsOf(accounts) })

				first := &beforeReading{do: func() {
					if !disturb {
						return
					}
					before := told.complete()
					p.deposit(accounts, 1, "meanwhile")
					p.flush()
					eventually(t, "the next checkpoint", func() bool { return told.complete() >= before+partitionsOf(accounts) })
					for n := range int32(partitions) {
						p.snapshotRecord(n, newestBatch, nil)
					}
					p.compactSnapshots()
				}}
				root := statestore.NewMem()
				cfg := p.config("restores", root)
				cfg.Kafka.Dialer, cfg.Now = first.dial, later
				for _, r := range p.rebuild(cfg, aggregator.Rebuild{}) {
					if r.From != aggregator.FromSnapshots && r.Records > 0 {
						t.Errorf("partition %d was restored from %s: the newer snapshots were there", r.Partition, r.From)
					}
				}
				if !first.done.Load() {
					t.Error("nothing was read: the test shows nothing")
				}
				want := statestore.NewMem()
				p.rebuild(p.config("folds", want), aggregator.Rebuild{FromZero: true})
				sameStates(t, statesIn(t, root.Reopen()), statesIn(t, want.Reopen()), accounts)
			})
		})
	}
}

// TestASnapshotCompactedAwayIsNotMissedThoughAnotherMakesUpTheCount: one aggregate's snapshot is replaced and taken away
// while the restore reads, and another aggregate was born after the checkpoint.
func TestASnapshotCompactedAwayIsNotMissedThoughAnotherMakesUpTheCount(t *testing.T) {
	t.Parallel()
	const replaced, every = "acct-0", 3
	for what, replace := range map[string]func(*pipeline){
		"it has events since": func(p *pipeline) {
			p.depositOn(replaced, every, "b")
			p.flush()
			p.events(21 + 1 + 2*every)
		},
		"it has none": func(p *pipeline) { // a checkpoint begins, of an owner who does not know of the snapshot
			p.snapshotRecord(home(replaced), "account/"+replaced, p.newestSnapshot("account/"+replaced))
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			p.book(1)
			born := neighbour(replaced)
			owner := p.config("w1", statestore.NewMem())
			owner.SnapshotEvery, owner.CheckpointEvery = every, -1
			p.life(owner, func() {
				p.send(-1, "open", born, "born", `{"customer_id":"ada","currency":"EUR"}`)
				p.depositOn(born, every, "a")
				p.flush()
				p.events(21 + 1 + every)
				first := &beforeReading{do: func() {
					replace(p)
					p.snapshotRecord(home(replaced), newestBatch, nil)
					p.compactSnapshots()
				}}
				root := statestore.NewMem()
				cfg := p.config("restores", root)
				cfg.Kafka.Dialer, cfg.Now = first.dial, later
				p.rebuild(cfg, aggregator.Rebuild{})
				if !first.done.Load() {
					t.Error("nothing was read: the test shows nothing")
				}
				want := statestore.NewMem()
				p.rebuild(p.config("folds", want), aggregator.Rebuild{FromZero: true})
				sameStates(t, statesIn(t, root.Reopen()), statesIn(t, want.Reopen()), 2)
			})
		})
	}
}

// neighbour is another account in the same partition.
func neighbour(id string) string {
	for i := 1; ; i++ {
		if other := fmt.Sprint("acct-", i); other != id && home(other) == home(id) {
			return other
		}
	}
}

func (p *pipeline) newestSnapshot(key string) (value []byte) {
	p.t.Helper()
	for _, r := range p.read("bank.snapshots") {
		if string(r.Key) == key {
			value = r.Value
		}
	}
	return value
}

func (p *pipeline) depositOn(id string, n int, name string) {
	p.t.Helper()
	for i := range n {
		p.send(-1, "deposit", id, fmt.Sprint(name, i), `{"amount":1,"currency":"EUR","reference":"x"}`)
	}
}
