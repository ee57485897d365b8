package steer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/steer"
)

const partitions = 4

// fleet is a broker with a bank's topics, workers, and somebody who steers them.
type fleet struct {
	steer.Steer
	t     *testing.T
	cfg   kafka.Config
	codec *serde.Codec
}

func newFleet(t *testing.T, workers ...string) *fleet {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	f := &fleet{t: t, cfg: kafka.Config{Brokers: []string{broker.Addr()}}, codec: serdetest.Codec(t)}
	if err := kafka.EnsureTopics(t.Context(), f.cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	f.Steer = steer.New(steer.Config{
		Kafka: f.cfg, Context: "bank", Group: aggregator.Group("bank"), Inputs: []string{"bank.commands", "bank.dispatch"}, Events: "bank.events",
		By: "test", Now: time.Now,
	})
	for i, name := range workers {
		f.start(name)
		f.eventually("everything is taken over by "+name+" too", func(s steer.Standing) bool {
			return f.settled(s) && len(s.Workers) == i+1
		})
	}
	return f
}

func (f *fleet) start(name string) (stop func()) {
	f.t.Helper()
	w, err := aggregator.New(f.t.Context(), aggregator.Config{
		Context: "bank", Codec: f.codec.Context("bank"), Schemas: f.codec, Kafka: f.cfg, Partitions: partitions, Instance: name,
		Leases: statestore.NewLeases(statestore.NewMem(), func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(stop)
	return stop
}

// settled says whether each partition is taken over by whom it was given to, and everybody has some.
func (f *fleet) settled(s steer.Standing) bool {
	for p := range int32(partitions) {
		if o := s.Owner(p); o == "" || !s.Owns(o, p) {
			return false
		}
	}
	for _, w := range s.Workers {
		if len(w.Assigned) == 0 && !s.Orders.Drains[w.Name] {
			return false
		}
	}
	return true
}

func (f *fleet) eventually(what string, ok func(steer.Standing) bool) steer.Standing {
	f.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		s, err := f.Look(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		if ok(s) {
			return s
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%s: not within a minute: %+v", what, s)
		}
	}
}

// load sends deposits until it is stopped, and returns how many commands it sent.
func (f *fleet) load() (stop func() int) {
	f.t.Helper()
	out, err := kafka.NewProducer(f.cfg, kafka.ProducerConfig{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(out.Close)
	sent := 0
	send := func(kind, id, body string) {
		sent++
		frame, err := f.codec.CommandFromJSON("bank.account."+kind, es.CommandMeta{AggregateID: id, CommandID: fmt.Sprint("c", sent)}, []byte(body))
		if err == nil {
			err = out.Produce(context.Background(), kafka.Command{Topic: "bank.commands", Partition: partition.Of(id, partitions), Key: []byte(id), Value: frame}, func(_ int32, _ int64, err error) {
				if err != nil {
					f.t.Error(err)
				}
			})
		}
		if err != nil {
			f.t.Error(err)
		}
	}
	for i := range 16 {
		send("open", fmt.Sprint("acct-", i), `{"customer_id":"ada","currency":"EUR"}`)
	}
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ctx.Err() == nil; i++ {
			send("deposit", fmt.Sprint("acct-", i%16), `{"amount":1,"currency":"EUR","reference":"x"}`)
			time.Sleep(time.Millisecond)
		}
	}()
	return func() int {
		cancel()
		<-done
		if err := out.Flush(context.Background()); err != nil {
			f.t.Error(err)
		}
		return sent
	}
}

// decided waits until so many commands are decided, and checks that no version is missing or there twice.
func (f *fleet) decided(n int) {
	f.t.Helper()
	f.eventually("every command is decided", func(steer.Standing) bool {
		waiting, err := f.Waiting(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, lag := range waiting {
			if lag > 0 {
				return false
			}
		}
		return len(waiting) == partitions
	})
	found, err := kafka.Extents(f.t.Context(), f.cfg, "bank.events")
	if err != nil {
		f.t.Fatal(err)
	}
	var spans []kafka.Span
	for p, e := range found["bank.events"] {
		spans = append(spans, kafka.Span{Topic: "bank.events", Partition: p, From: e.Start, Until: e.Stable})
	}
	versions := map[string]int64{}
	events := 0
	err = kafka.Replay(f.t.Context(), f.cfg, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			e, err := f.codec.Context("bank").DecodeEvent(r.Value)
			if err != nil {
				return err
			}
			events++
			if versions[e.Meta.AggregateID]++; versions[e.Meta.AggregateID] != e.Meta.Version {
				f.t.Errorf("%s: version %d in place %d", e.Meta.AggregateID, e.Meta.Version, versions[e.Meta.AggregateID])
			}
		}
		return nil
	})
	if err != nil || events != n {
		f.t.Errorf("%d events of %d commands, %v", events, n, err)
	}
}

func TestAMoveUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w1", "w2")
	stop := f.load()
	before, err := f.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w1, _ := before.Worker("w1")
	p := w1.Assigned[0]
	stages := map[steer.Stage]bool{}
	m, err := f.Move(t.Context(), p, "w2", func(s steer.Step) { stages[s.Stage] = true })
	if err != nil {
		t.Fatal(err)
	}
	if m.From != "w1" || m.To != "w2" || m.Pause <= 0 || !m.Decided || !stages[steer.Warming] || !stages[steer.Switching] || !stages[steer.TakenOver] {
		t.Errorf("%+v, stages %v", m, stages)
	}
	t.Logf("%+v", m)
	after, err := f.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for q := range int32(partitions) {
		want := before.Owner(q)
		if q == p {
			want = "w2"
		}
		if got := after.Owner(q); got != want {
			t.Errorf("partition %d went from %s to %s", q, want, got)
		}
	}
	if len(after.Orders.Warm) != 0 || after.Orders.Pins[p] != "w2" {
		t.Errorf("orders left: %+v", after.Orders)
	}
	again, err := f.Move(t.Context(), p, "w2", func(steer.Step) {})
	if err != nil || again.From != "w2" {
		t.Errorf("again: %+v %v", again, err)
	}
	if worker, err := f.Release(t.Context(), p); err != nil || worker != "w2" {
		t.Errorf("released from %q: %v", worker, err)
	}
	if _, err := f.Release(t.Context(), p); err == nil {
		t.Error("what is not pinned is released")
	}
	f.decided(stop())
}

func TestADrainUnderLoad(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w1", "w2", "w3")
	stop := f.load()
	var moves []steer.Moved
	if err := f.Drain(t.Context(), "w2", func(steer.Step) {}, func(m steer.Moved, _ int) { moves = append(moves, m) }); err != nil {
		t.Fatal(err)
	}
	s := f.eventually("the others own everything", f.settled)
	w2, there := s.Worker("w2")
	if !there || len(w2.Assigned) != 0 || len(moves) == 0 || !s.Orders.Drains["w2"] || len(s.Orders.Pins)+len(s.Orders.Warm) != 0 {
		t.Errorf("after %+v: %+v", moves, s)
	}
	for _, m := range moves {
		if m.From != "w2" || m.To == "w2" {
			t.Errorf("%+v", m)
		}
	}
	// Who is drained gets nothing by hand either.
	if _, err := f.Move(t.Context(), 0, "w2", func(steer.Step) {}); err == nil || !strings.Contains(err.Error(), "--undo") {
		t.Errorf("moved to one who is drained: %v", err)
	}
	if err := f.Undrain(t.Context(), "w2"); err != nil {
		t.Fatal(err)
	}
	f.eventually("it has some again", func(s steer.Standing) bool {
		w2, _ := s.Worker("w2")
		return f.settled(s) && len(w2.Assigned) > 0
	})
	if err := f.Undrain(t.Context(), "w2"); !errors.Is(err, steer.ErrNotDrained) {
		t.Errorf("undone twice: %v", err)
	}
	f.decided(stop())
}

func TestOrdersThatMakeNoSense(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w1")
	if _, err := f.Move(t.Context(), 0, "w9", func(steer.Step) {}); !errors.Is(err, steer.ErrNoWorker) || !strings.Contains(err.Error(), "there are: w1") {
		t.Errorf("an unknown worker: %v", err)
	}
	if _, err := f.Move(t.Context(), partitions, "w1", func(steer.Step) {}); err == nil || !strings.Contains(err.Error(), "partitions 0 to 3") {
		t.Errorf("an unknown partition: %v", err)
	}
	if err := f.Drain(t.Context(), "w9", func(steer.Step) {}, nil); !errors.Is(err, steer.ErrNoWorker) {
		t.Errorf("an unknown worker: %v", err)
	}
	if err := f.Drain(t.Context(), "w1", func(steer.Step) {}, nil); err == nil || !strings.Contains(err.Error(), "nobody else") {
		t.Errorf("the last worker: %v", err)
	}
	s, err := f.Look(t.Context())
	if err != nil || len(s.Orders.Pins)+len(s.Orders.Drains)+len(s.Orders.Warm) != 0 {
		t.Errorf("orders left by mistakes: %+v %v", s.Orders, err)
	}
}

// TestAMoveThatMustNotWaitLonger says what has happened, and leaves nothing that would move later.
func TestAMoveThatMustNotWaitLonger(t *testing.T) {
	t.Parallel()
	f := newFleet(t, "w1", "w2")
	s, err := f.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w1, _ := s.Worker("w1")
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 5*time.Second, late)
	defer cancel()
	_, err = f.Move(ctx, w1.Assigned[0], "w2", func(step steer.Step) {
		if step.Stage == steer.Warming {
			<-ctx.Done()
		}
	})
	if !errors.Is(err, late) || !strings.Contains(err.Error(), "Nothing has moved") {
		t.Errorf("err = %v", err)
	}
	s, err = f.Look(t.Context())
	if err != nil || len(s.Orders.Pins)+len(s.Orders.Warm) != 0 || s.Owner(w1.Assigned[0]) != "w1" {
		t.Errorf("orders left: %+v %v", s.Orders, err)
	}
}
