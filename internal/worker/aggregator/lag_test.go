package aggregator_test

import (
	"context"
	"testing"
	"time"

	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// hang has a session write to a partition of the events and never end it, and returns what ends it.
func (p *pipeline) hang(number int32) (end func()) {
	p.t.Helper()
	silent := &faultyNet{every: 1, lost: true}
	cfg := kafka.SessionConfig{Config: p.cfg, Group: "another", InstanceID: "x", TransactionalID: "x", Inputs: []string{"bank.commands"}}
	cfg.Dialer = silent.dial
	s, err := kafka.OpenSession(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(s.Close)
	if _, err := s.Poll(p.t.Context(), 1); err != nil {
		p.t.Fatal(err)
	}
	ending, giveUp := context.WithTimeout(p.t.Context(), 3*time.Minute)
	done := make(chan struct{})
	go func() {
		defer close(done)
		record := &kafka.Record{Topic: "bank.events", Partition: number, Key: []byte("k"), Value: []byte("never read")}
		if committed, _ := s.Commit(ending, []*kafka.Record{record}, nil); committed {
			p.t.Error("it was committed")
		}
	}()
	p.t.Cleanup(func() { giveUp(); <-done })
	eventually(p.t, "the transaction is open", func() bool { return silent.broke.Load() > 0 })
	return func() {
		again := kafka.SessionConfig{Config: p.cfg, Group: "another", InstanceID: "x2", TransactionalID: "x", Inputs: []string{"bank.commands"}}
		successor, err := kafka.OpenSession(p.t.Context(), again)
		if err != nil {
			p.t.Fatal(err)
		}
		successor.Close()
	}
}

// A worker that can't take a partition over, because a transaction is open in its events, is not ready, and shows both
// how long that has been so and how many commands wait for it.
func TestAHangingTransactionIsSeenAndHoldsReadinessUp(t *testing.T) {
	t.Parallel()
	p := newPipeline(t)
	home := partition.Of("acct-1", partitions)
	end := p.hang(home)
	cfg := p.config("w1", statestore.NewMem())
	cfg.LagEvery = 10 * time.Millisecond
	w := p.start(cfg)
	p.send(-1, "open", "acct-1", "c1", `{"customer_id":"ada","currency":"EUR"}`)
	p.flush()
	waiting := func(s aggregator.Status) (records int64, age time.Duration) {
		for _, l := range s.Inputs {
			records, age = records+l.Records, max(age, l.Age(time.Now()))
		}
		return records, age
	}
	eventually(t, "the standstill and the lag are seen", func() bool {
		s := w.w.Status()
		records, age := waiting(s)
		return len(s.Partitions) == partitions && s.Still["bank.events"] > 50*time.Millisecond && records == 1 && age > 0
	})
	if s := w.w.Status(); s.Still["bank.refusals"] != 0 {
		t.Errorf("nothing is open there: %v", s.Still)
	}
	if err := w.w.Ready(); err == nil {
		t.Error("it is ready without having caught up")
	}
	end()
	eventually(t, "all is well", func() bool {
		s := w.w.Status()
		records, _ := waiting(s)
		return w.w.Ready() == nil && s.Still["bank.events"] == 0 && records == 0
	})
	if n := len(p.events(1)); n != 1 {
		t.Errorf("%d events", n)
	}
}
