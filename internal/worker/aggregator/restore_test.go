package aggregator_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"recount/domain"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
	"recount/schemas/avro"
)

func home(id string) int32 { return partition.Of(id, partitions) }

// later is a clock by which everything in the log is older than the dedup window.
func later() time.Time { return time.Now().Add(3 * time.Hour) }

func TestAnEmptyDiskIsFilledFromSnapshots(t *testing.T) {
	t.Parallel()
	const accounts = 8
	for what, c := range map[string]struct {
		now     func() time.Time
		from    aggregator.Origin
		records int // folded
	}{
		"the window has moved on":    {later, aggregator.FromSnapshots, 0},
		"the window is open":         {time.Now, aggregator.FromSnapshots, accounts * 21}, // for the sake of their command IDs
		"no checkpoint, the control": {func() time.Time { return time.Now().Add(3 * time.Hour) }, aggregator.FromZero, accounts * 21},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			first := p.config("w1", statestore.NewMem())
			if c.from == aggregator.FromZero {
				first.CheckpointEvery = -1
			}
			root := statestore.NewMem()
			first.Leases = p.config("w1", root).Leases
			p.life(first, func() {
				p.openAccounts(accounts)
				p.deposit(accounts, 20, "d")
				p.flush()
				p.events(accounts * 21)
			})
			want := statesIn(t, root.Reopen())

			told, empty := newDiary(), statestore.NewMem()
			cfg := p.config("w1", empty)
			cfg.Observer, cfg.Now, cfg.CheckpointEvery = told, c.now, -1
			p.life(cfg, func() {})
			from, snapshots, records := told.origins()
			if from[c.from] != partitionsOf(accounts) || len(from) != 1 || records != c.records {
				t.Errorf("restored %v with %d snapshots and %d records, want %d from %s with %d records", from, snapshots, records, partitionsOf(accounts), c.from, c.records)
			}
			if (snapshots == accounts) != (c.from == aggregator.FromSnapshots) {
				t.Errorf("%d snapshots", snapshots)
			}
			sameStates(t, statesIn(t, empty.Reopen()), want, accounts)
		})
	}
}

// TestRetriesAfterARestoreGetTheirRecordedOutcome: the window is rebuilt from events and refusals. Where a restore comes
// after the window, the same commands are new ones: the control that shows what the window is for.
func TestRetriesAfterARestoreGetTheirRecordedOutcome(t *testing.T) {
	t.Parallel()
	for _, fromZero := range []bool{false, true} {
		for what, now := range map[string]func() time.Time{"within the window": time.Now, "after it, the control": later} {
			t.Run(fmt.Sprintf("from zero %v, %s", fromZero, what), func(t *testing.T) {
				t.Parallel()
				p := newPipeline(t)
				first := p.config("w1", statestore.NewMem())
				if fromZero {
					first.CheckpointEvery = -1
				}
				p.life(first, func() {
					p.retried(false)
					p.events(2)
					p.log("bank.refusals", 2)
				})
				heard := &replies{}
				cfg := p.config("w1", statestore.NewMem())
				cfg.Replier, cfg.Now = heard, now
				p.life(cfg, func() {
					p.retried(true)
					eventually(t, "five answers", func() bool { return len(heard.all()) == 5 })
				})
				checkRetries(t, heard.all(), what == "within the window")
			})
		}
	}
}

// retried sends four commands; again also one of them with another body.
func (p *pipeline) retried(again bool) {
	me := func(m *es.CommandMeta) {
		if again {
			m.ReplyTo = "me"
		}
	}
	const movement = `{"amount":%d,"currency":"EUR","reference":"x"}`
	p.send(-1, "open", "acct-1", "c1", `{"customer_id":"ada","currency":"EUR"}`, me)
	p.send(-1, "deposit", "acct-1", "c2", fmt.Sprintf(movement, 100), me)
	p.send(-1, "withdraw", "acct-1", "c3", fmt.Sprintf(movement, 101), me)
	p.send(-1, "withdraw", "acct-1", "c4", fmt.Sprintf(movement, 5), func(m *es.CommandMeta) {
		me(m)
		v := int64(7)
		m.ExpectedVersion = &v
	})
	if again {
		p.send(-1, "deposit", "acct-1", "c2", fmt.Sprintf(movement, 200), me)
	}
	p.flush()
}

func checkRetries(t *testing.T, got []answer, known bool) {
	t.Helper()
	for i, want := range []answer{
		{Answer: engine.Answer{Outcome: es.Accepted, Version: 1}},
		{Answer: engine.Answer{Outcome: es.Accepted, Version: 2}},
		{Answer: engine.Answer{Outcome: es.Refused, Code: "account/insufficient-funds", Version: 2}},
		{Answer: engine.Answer{Outcome: es.Refused, Code: string(es.VersionConflict), Version: 2}},
	} {
		if a := got[i]; a.Duplicate != known || known && (a.Outcome != want.Outcome || a.Code != want.Code || a.Version != want.Version) {
			t.Errorf("answer %d: %+v, want %+v again: %v", i, a.Answer, want.Answer, known)
		}
	}
	if reused := got[4].Code == string(es.CommandIDReused); !reused { // c2 is remembered either way: it has just been sent
		t.Errorf("another body under a known ID: %+v", got[4].Answer)
	}
}

func TestSnapshotsOfAnotherRevisionAreNotLookedAt(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, revision := range map[string]int{"raised": 99, "the same, the control": -1} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			root, want := p.book(accounts)
			for n := range int32(partitions) {
				inStore(t, root, n, func(s statestore.Store) { plant(t, s) })
			}
			told := newDiary()
			cfg := p.config("w1", root)
			cfg.Observer, cfg.Codec, cfg.CheckpointEvery = told, p.revised(revision), -1
			p.life(cfg, func() {})
			from, _, _ := told.origins()
			root = root.Reopen()
			if revision < 0 {
				if len(from) != 0 || !planted(t, root, home("acct-0")) {
					t.Errorf("a store that fits was not gone on with: %v", from)
				}
				return
			}
			if !maps.Equal(from, map[aggregator.Origin]int{aggregator.FromZero: partitionsOf(accounts)}) {
				t.Errorf("restored %v", from)
			}
			sameStates(t, statesIn(t, root), want, accounts)
		})
	}
}

// revised is the bank's codec with another revision of its accounts; -1: the same.
func (p *pipeline) revised(revision int) engine.Codec {
	p.t.Helper()
	contexts := domain.Contexts()
	for i, a := range contexts[0].Aggregates {
		if revision >= 0 && a.Name() == "account" {
			contexts[0].Aggregates[i] = atRevision{a, revision}
		}
	}
	catalog, err := serde.NewCatalog(avro.FS, contexts)
	if err != nil {
		p.t.Fatal(err)
	}
	return catalog.Offline().Context("bank")
}

type atRevision struct {
	es.AggregateType
	revision int
}

func (a atRevision) Revision() int { return a.revision }

func TestASnapshotTopicMadeAgainIsFilledAgain(t *testing.T) {
	t.Parallel()
	const accounts = 6
	p := newPipeline(t)
	root, want := p.book(accounts)
	if err := kafka.DeleteTopic(t.Context(), p.cfg, "bank.snapshots"); err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(t.Context(), p.cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	told := newDiary()
	cfg := p.config("w1", root)
	cfg.Observer = told
	p.life(cfg, func() {}) // its last checkpoint must write everything, not only what has changed
	if from, _, _ := told.origins(); from[aggregator.FromZero] != partitionsOf(accounts) {
		t.Errorf("restored %v: a store that takes its snapshots for written must not be gone on with", from)
	}
	again, empty := newDiary(), statestore.NewMem()
	cfg = p.config("w1", empty)
	cfg.Observer, cfg.Now = again, later
	p.life(cfg, func() {})
	if from, snapshots, _ := again.origins(); from[aggregator.FromSnapshots] != partitionsOf(accounts) || snapshots != accounts {
		t.Errorf("restored %v from %d snapshots", from, snapshots)
	}
	sameStates(t, statesIn(t, empty.Reopen()), want, accounts)
}

// TestAMissingSnapshotIsNoticedByTheMarkersCount: compaction has left, in place of a snapshot, one of an event topic
// that is gone, which nobody looks at.
func TestAMissingSnapshotIsNoticedByTheMarkersCount(t *testing.T) {
	t.Parallel()
	const accounts = 6
	for what, spoil := range map[string]bool{"missing": true, "there, the control": false} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			_, want := p.book(accounts)
			if spoil {
				frame, err := p.codec.Context("bank").AppendSnapshot(nil, &engine.Snapshot{Version: 1, EventsID: es.ID{1}})
				if err != nil {
					t.Fatal(err)
				}
				p.compactOver("account/acct-0", frame)
			}
			told, empty := newDiary(), statestore.NewMem()
			cfg := p.config("w1", empty)
			cfg.Observer, cfg.Now, cfg.CheckpointEvery = told, later, -1
			p.life(cfg, func() {})
			wanted := map[aggregator.Origin]int{aggregator.FromSnapshots: partitionsOf(accounts)}
			if spoil {
				wanted[aggregator.FromSnapshots]--
				wanted[aggregator.FromZero] = 1
			}
			if from, _, _ := told.origins(); !maps.Equal(from, wanted) {
				t.Errorf("restored %v, want %v", from, wanted)
			}
			sameStates(t, statesIn(t, empty.Reopen()), want, accounts)
		})
	}
}

// compactOver writes a record over a snapshot of acct-0's partition and has the log compacted.
func (p *pipeline) compactOver(key string, value []byte) {
	p.t.Helper()
	n := home(strings.TrimPrefix(key, "account/"))
	p.snapshotRecord(n, key, value)
	p.snapshotRecord(n, newestBatch, nil)
	p.compactSnapshots()
}

// newestBatch is the key of a record that is no snapshot. The last batch of a log is never compacted: this one may lie there.
const newestBatch = "last"

func (p *pipeline) snapshotRecord(n int32, key string, value []byte) {
	p.t.Helper()
	if err := p.out.Produce(p.t.Context(), kafka.Command{Topic: "bank.snapshots", Partition: n, Key: []byte(key), Value: value}, func(_ int32, _ int64, err error) {
		if err != nil {
			p.t.Error(err)
		}
	}); err != nil {
		p.t.Fatal(err)
	}
	p.flush()
}

func (p *pipeline) compactSnapshots() {
	p.t.Helper()
	if err := kafka.SetTopicConfig(p.t.Context(), p.cfg, "bank.snapshots", "min.compaction.lag.ms", "0"); err != nil {
		p.t.Fatal(err)
	}
	p.broker.Compact()
}
