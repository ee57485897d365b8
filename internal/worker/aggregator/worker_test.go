package aggregator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

func TestCommandsBecomeEventsAndReplies(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	heard := &replies{}
	cfg := p.config("w1", statestore.NewMem())
	cfg.Replier = heard
	w := p.start(cfg)
	me := func(m *es.CommandMeta) { m.ReplyTo = "me" }
	p.send(-1, "open", "acct-1", "c1", `{"customer_id":"ada","currency":"EUR"}`, me)
	p.send(-1, "deposit", "acct-1", "c2", `{"amount":100,"currency":"EUR","reference":"x"}`, me)
	p.send(-1, "withdraw", "acct-1", "c3", `{"amount":101,"currency":"EUR","reference":"x"}`, me)
	p.send(-1, "deposit", "acct-1", "c2", `{"amount":100,"currency":"EUR","reference":"x"}`, me)
	p.flush()
	eventually(t, "four answers", func() bool { return len(heard.all()) == 4 })
	events := p.events(2)
	if len(events) != 2 {
		t.Fatalf("%d events", len(events))
	}
	got := heard.all()
	if a := got[1]; a.Outcome != es.Accepted || a.Version != 2 || a.events != 1 || !strings.HasPrefix(a.position, fmt.Sprintf("bank/%d@", partition.Of("acct-1", partitions))) {
		t.Errorf("the deposit's answer: %+v", a)
	}
	if a := got[2]; a.Code != "account/insufficient-funds" || a.position != "" {
		t.Errorf("the withdrawal's answer: %+v", a)
	}
	if a := got[3]; !a.Duplicate || a.Version != 2 {
		t.Errorf("the repeated deposit's answer: %+v", a)
	}
	if err := w.w.Ready(); err != nil {
		t.Errorf("not ready: %v", err)
	}
}

func TestBadRecordsBecomeDeadLettersAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	home := partition.Of("acct-1", partitions)
	p.raw(home, "acct-1", []byte("garbage"))
	p.raw(home, "acct-1", []byte{0, 0, 0, 99, 99, 1, 2})
	p.raw(home, "", nil)
	p.send(-1, "open", "acct-1", "c1", `{"customer_id":"ada","currency":"EUR"}`)
	p.send((home+1)%partitions, "deposit", "acct-1", "c2", `{"amount":5,"currency":"EUR","reference":"misplaced"}`)
	p.flush()
	if events := p.events(2); len(events) != 2 {
		t.Errorf("%d events: the misplaced command is forwarded, the others go on", len(events))
	}
	letters := p.log("bank.dead-letters", 3)
	if len(letters) != 3 || string(letters[0].Value) != "garbage" {
		t.Errorf("%d dead letters", len(letters))
	}
}

// TestACommandAsLargeAsTheyComeCostsItself: what is said beside a dead letter does not fit any more.
func TestACommandAsLargeAsTheyComeCostsItself(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	const batchOverhead = 200
	p.raw(partition.Of("acct-1", partitions), "acct-1", make([]byte, kafka.RecordBytesMax-batchOverhead))
	p.send(-1, "open", "acct-1", "c1", `{"customer_id":"ada","currency":"EUR"}`)
	p.flush()
	if events := p.events(1); len(events) != 1 {
		t.Errorf("%d events: the others go on", len(events))
	}
	if letters := p.log("bank.dead-letters", 1); len(letters) != 1 || len(letters[0].Value) != 0 || string(letters[0].Key) != "acct-1" {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestRestarts(t *testing.T) {
	t.Parallel()
	for _, store := range []string{"kept", "lost"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			root := statestore.NewMem()
			p.openAccounts(8)
			total := 8
			for round := range 4 {
				w := p.start(p.config("w1", root))
				p.deposit(8, 20, fmt.Sprint("r", round))
				p.flush()
				total += 8 * 20
				if round%2 == 0 { // in the middle of it
					p.events(total / 2)
				} else {
					p.events(total)
				}
				if err := w.stop(); err != nil {
					t.Fatal(err)
				}
				if store == "lost" {
					root = statestore.NewMem()
				} else {
					root = root.Reopen()
				}
			}
			p.start(p.config("w1", root))
			if n := len(p.events(total)); n != total {
				t.Fatalf("%d events, want %d", n, total)
			}
			p.send(-1, "deposit", "acct-0", "r0-0-0", `{"amount":1,"currency":"EUR","reference":"x"}`) // a retry after everything
			p.send(-1, "open", "acct-8", "last", `{"customer_id":"ada","currency":"EUR"}`)
			p.flush()
			if n := len(p.events(total + 1)); n != total+1 {
				t.Fatalf("%d events, want %d: a late retry was decided again", n, total+1)
			}
		})
	}
}

func TestWorkersJoinAndLeaveUnderLoad(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.openAccounts(16)
	total := 16
	first := p.start(p.config("w1", statestore.NewMem()))
	for round := range 3 {
		cfg := p.config(fmt.Sprint("joins-", round), statestore.NewMem())
		cfg.Sessions = 1 + round
		p.deposit(16, 30, fmt.Sprint("a", round))
		w := p.start(cfg)
		p.deposit(16, 30, fmt.Sprint("b", round))
		p.flush()
		total += 2 * 16 * 30
		eventually(t, "ready", func() bool { return w.w.Ready() == nil && first.w.Ready() == nil })
		if round < 2 {
			if err := w.stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n := len(p.events(total)); n != total {
		t.Fatalf("%d events, want %d", n, total)
	}
}

func TestLostOffsetsRefuseToStart(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	w := p.start(p.config("w1", statestore.NewMem()))
	p.openAccounts(8)
	p.flush()
	p.events(8)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if err := kafka.DeleteGroup(t.Context(), p.cfg, aggregator.Group("bank")); err != nil {
		t.Fatal(err)
	}
	refused := p.run(p.config("w1", statestore.NewMem()))
	if refused == nil || !strings.Contains(refused.Error(), "--accept-lost-commands") {
		t.Fatalf("err = %v", refused)
	}
	cfg := p.config("w1", statestore.NewMem())
	cfg.AcceptLostCommands, cfg.DedupEntries = true, 16 // not the dedup window, the folded source decides where to go on
	p.start(cfg)
	p.send(-1, "open", "acct-8", "last", `{"customer_id":"ada","currency":"EUR"}`)
	p.flush()
	if n := len(p.events(9)); n != 9 {
		t.Fatalf("%d events, want 9", n)
	}
}

// run runs a worker that is expected to stop by itself.
func (p *pipeline) run(cfg aggregator.Config) error {
	p.t.Helper()
	w, err := aggregator.New(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- w.Run(p.t.Context()) }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Minute):
		p.t.Fatal("the worker went on")
		return nil
	}
}

func TestAClockBehindStopsTheWorker(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	w := p.start(p.config("w1", statestore.NewMem()))
	p.openAccounts(8)
	p.flush()
	p.events(8)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	p.openAccounts(8)
	p.flush()
	cfg := p.config("w1", statestore.NewMem())
	cfg.Now = func() time.Time { return time.Now().Add(-time.Minute) }
	if err := p.run(cfg); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Fatalf("err = %v", err)
	}
}

func TestWrongPartitionCountRefusesToStart(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	cfg := p.config("w1", statestore.NewMem())
	cfg.Partitions = 8
	if _, err := aggregator.New(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "--partitions") {
		t.Fatalf("err = %v", err)
	}
}

func TestACompactedLogStillGivesEveryState(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	w := p.start(p.config("w1", statestore.NewMem()))
	p.openAccounts(8)
	p.deposit(8, 20, "d")
	p.flush()
	total := 8 + 8*20
	p.events(total)
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	if err := kafka.SetTopicConfig(t.Context(), p.cfg, "bank.events", "min.compaction.lag.ms", "0"); err != nil {
		t.Fatal(err)
	}
	p.broker.Compact()
	heard := &replies{}
	cfg := p.config("w1", statestore.NewMem())
	cfg.Replier = heard
	p.start(cfg)
	p.send(-1, "withdraw", "acct-3", "all", `{"amount":20,"currency":"EUR","reference":"x"}`, func(m *es.CommandMeta) {
		v := int64(21)
		m.ExpectedVersion, m.ReplyTo = &v, "me"
	})
	p.flush()
	eventually(t, "an answer", func() bool { return len(heard.all()) == 1 })
	if a := heard.all()[0]; a.Outcome != es.Accepted || a.Version != 22 {
		t.Fatalf("after a compaction: %+v", a)
	}
	if n := len(p.events(total + 1)); n != total+1 {
		t.Fatalf("%d events, want %d", n, total+1)
	}
}

func TestAnAccountAndACustomerWithOneIDKeepTheirOwnHistories(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	p.start(p.config("w1", statestore.NewMem()))
	p.send(-1, "open", "same", "c1", `{"customer_id":"same","currency":"EUR"}`)
	frame, err := p.codec.CommandFromJSON("bank.customer.register", es.CommandMeta{AggregateID: "same", CommandID: "c1"},
		[]byte(`{"name":"Ada","email":"ada@example.org","address":{"street":"1 Main St","city":"London","postal_code":"N1","country":"GB"}}`))
	if err != nil {
		t.Fatal(err)
	}
	p.raw(partition.Of("same", partitions), "same", frame)
	p.send(-1, "deposit", "same", "c2", `{"amount":1,"currency":"EUR","reference":"x"}`)
	p.flush()
	versions := map[string]int64{}
	for _, e := range p.events(3) {
		versions[e.Aggregate.Name()] = e.Meta.Version
	}
	if versions["account"] != 2 || versions["customer"] != 1 {
		t.Fatalf("versions %v", versions)
	}
}

func TestEvictionsFromTheDedupWindowAreTold(t *testing.T) {
	t.Parallel()
	const commands = 4 * 41
	for entries, some := range map[int]bool{20: true, commands: false} {
		t.Run(fmt.Sprint(entries), func(t *testing.T) {
			t.Parallel()
			p, told := newPipeline(t), newDiary()
			cfg := p.config("w1", statestore.NewMem())
			cfg.DedupEntries, cfg.Observer = entries, told
			p.life(cfg, func() {
				p.openAccounts(4)
				p.deposit(4, 40, "d")
				p.flush()
				p.events(commands)
			})
			if got := told.forgotten(); (got > 0) != some || got > commands {
				t.Errorf("%d of %d commands were evicted from windows of %d", got, commands, entries)
			}
		})
	}
}
