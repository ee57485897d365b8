package kafka

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
)

// dynamic is the configuration of a member that gives its partitions away when it ends.
func (w *rangesWorld) dynamic(records int) RangeConfig {
	cfg := w.config()
	cfg.InstanceID = ""
	cfg.Limits.Records = records
	return cfg
}

func TestPartitionsMoveBetweenMembersExactly(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 4)
	slow := func(step string, _ Range) error {
		if step == stepHalf {
			time.Sleep(5 * time.Millisecond)
		}
		return nil
	}
	fill := func() {
		for p := range int32(4) {
			w.produce(p, 40, true)
			w.produce(p, 2, false)
		}
	}
	first := w.start(w.dynamic(7), &member{at: slow})
	fill()
	second := w.start(w.dynamic(5), &member{at: slow})
	fill()
	eventually(t, "the second member has its share", func() bool { return second.owns() == 2 })
	if first.owns() != 2 {
		t.Errorf("the first member owns %d partitions", first.owns())
	}
	fill()
	if err := first.end(t); err != nil {
		t.Fatal(err)
	}
	fill()
	eventually(t, "all is inserted", func() bool { return w.complete("a", "b") })
	if err := errors.Join(second.end(t), w.exact("a", "b")); err != nil {
		t.Error(err)
	}
}

func (m *member) owns() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.owned)
}

// movedWhileInserting has a second member take a partition over while the first is in the middle of an insert.
func movedWhileInserting(t *testing.T, without RangeGuard) error {
	t.Helper()
	w := newRangesWorld(t, 2)
	w.produce(0, 60, true)
	w.produce(1, 60, true)
	inside, open := make(chan struct{}), make(chan struct{})
	var once sync.Once
	first := &member{at: func(step string, r Range) error {
		if step == stepHalf && r.First > 20 {
			once.Do(func() { close(inside) })
			<-open
		}
		return nil
	}}
	cfg := w.dynamic(7)
	cfg.Without = without
	a := w.start(cfg, first)
	<-inside
	cfg = w.dynamic(5)
	b := w.start(cfg, &member{})
	if without == 0 {
		time.Sleep(300 * time.Millisecond)
		if b.begins() > 0 {
			t.Error("the second member began while the first was still inserting")
		}
	} else {
		eventually(t, "the second member goes on", func() bool { return b.inserted() > 2 })
	}
	close(open)
	eventually(t, "all is inserted", func() bool { return w.complete("a", "b") })
	return errors.Join(b.end(t), a.end(t), w.exact("a", "b"))
}

func (m *member) inserted() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.ranges)
}

func TestARevokeWaitsForTheInsert(t *testing.T) {
	t.Parallel()
	if err := movedWhileInserting(t, 0); err != nil {
		t.Error(err)
	}
	if err := movedWhileInserting(t, GuardRevokeWaits); err == nil {
		t.Error("without waiting nothing is doubled: the test proves nothing")
	}
}

func TestALostLeaseRefusesTheAttempt(t *testing.T) {
	t.Parallel()
	var l lease
	ran := 0
	try := func() error { ran++; return nil }
	if err := l.do(try); err != nil {
		t.Fatal(err)
	}
	inside, leave, taken := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		_ = l.do(func() error { close(inside); <-leave; return nil })
	}()
	<-inside
	go func() { l.take(); close(taken) }()
	select {
	case <-taken:
		t.Error("the lease was taken in the middle of an attempt")
	case <-time.After(20 * time.Millisecond):
	}
	close(leave)
	<-taken
	if err := l.do(try); !errors.Is(err, errLeaseLost) || ran != 1 {
		t.Errorf("got %v after %d runs", err, ran)
	}
}

func TestRejoiningTriesTheSameRangeAgain(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	w.produce(0, 20, true)
	var failures int
	var bounds []Bounds
	r := w.start(w.config(), &member{at: func(step string, r Range) error {
		if step == stepHalf && r.First >= 7 && failures < 2 {
			failures++
			bounds = append(bounds, r.Bounds)
			return Rejoin(errors.New("the table is away"))
		}
		return nil
	}})
	eventually(t, "all is inserted", func() bool { return w.complete("a", "b") })
	if err := errors.Join(r.end(t), w.exact("a", "b")); err != nil {
		t.Error(err)
	}
	if len(bounds) != 2 || bounds[0] != bounds[1] {
		t.Errorf("the range came as %v", bounds)
	}
}

func TestTurnsMakeRangesLongerRatherThanMore(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 3)
	var mu sync.Mutex
	working, most := 0, 0
	cfg := w.config()
	cfg.Turns = NewTurns(1)
	r := w.start(cfg, &member{at: func(step string, _ Range) error {
		mu.Lock()
		defer mu.Unlock()
		switch step {
		case stepPrepare:
			working++
			most = max(most, working)
		case stepInsert:
			working--
		}
		return nil
	}})
	for p := range int32(3) {
		w.produce(p, 50, true)
	}
	eventually(t, "all is inserted", func() bool { return w.complete("a", "b") })
	if err := errors.Join(r.end(t), w.exact("a", "b")); err != nil {
		t.Error(err)
	}
	if most != 1 {
		t.Errorf("%d pipelines worked at once, with one turn", most)
	}
}

// TestARateMakesRangesLongerRatherThanMore has a record come every few milliseconds: without the rate each is a range.
func TestARateMakesRangesLongerRatherThanMore(t *testing.T) {
	t.Parallel()
	const records = 60
	ranges := func(perSecond float64) int {
		w := newRangesWorld(t, 1)
		cfg := w.config()
		cfg.Limits.Records, cfg.Limits.Rate = 1000, perSecond
		r := w.start(cfg, &member{})
		for range records {
			w.produce(0, 1, true)
			time.Sleep(5 * time.Millisecond)
		}
		eventually(t, "all is inserted", func() bool { return w.complete("a", "b") })
		if err := errors.Join(r.end(t), w.exact("a", "b")); err != nil {
			t.Error(err)
		}
		return r.inserted()
	}
	began := time.Now()
	got := ranges(4)
	if most := int(4*(time.Since(began)+rateBurst).Seconds()) + 2; got > most {
		t.Errorf("%d ranges, %d at most", got, most)
	}
	if unbound := ranges(0); unbound <= got {
		t.Errorf("%d ranges without a rate: the test proves nothing", unbound)
	}
}

func TestAConsumerWithoutWhatItNeeds(t *testing.T) {
	t.Parallel()
	if _, err := NewRangeConsumer(RangeConfig{}, nil); err == nil {
		t.Error("it was taken")
	}
	// A broker that is not there is waited for, and an end is an end all the same.
	cfg := RangeConfig{Config: Config{Brokers: []string{"127.0.0.1:1"}}, Group: "g", Topic: "t", Generation: 1}
	c, err := NewRangeConsumer(cfg, &member{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := c.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestTwoProcessesUnderOneInstanceID(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	w.produce(0, 5, true)
	first := w.start(w.config(), &member{})
	eventually(t, "the first has all", func() bool { return w.complete("a", "b") })
	second := w.start(w.config(), &member{})
	if err := first.ended(t); err == nil || !strings.Contains(err.Error(), "give each process its own") {
		t.Errorf("the one that was fenced ended with %v", err)
	}
	w.produce(0, 5, true)
	eventually(t, "the second has the rest", func() bool { return w.complete("a", "b") })
	if err := errors.Join(second.end(t), w.exact("a", "b")); err != nil {
		t.Error(err)
	}
}
