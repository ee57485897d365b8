package aggregator

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
)

// slowRoot is a root whose stores take no batch before they may, and tell of it.
type slowRoot struct {
	statestore.Root
	may     chan struct{}
	asked   chan struct{}
	applied atomic.Int32
	err     error
}

func (r *slowRoot) Open(name string) (statestore.Store, error) {
	s, err := r.Root.Open(name)
	return slowStore{s, r}, err
}

type slowStore struct {
	statestore.Store
	root *slowRoot
}

func (s slowStore) Apply(b *statestore.Batch) error {
	s.root.asked <- struct{}{}
	<-s.root.may
	s.root.applied.Add(1)
	return errors.Join(s.root.err, s.Store.Apply(b))
}

// flying is a member with one partition, which has something to write, over a slow root.
func flying(t *testing.T) (*member, *slowRoot) {
	t.Helper()
	root := &slowRoot{Root: statestore.NewMem(), may: make(chan struct{}), asked: make(chan struct{}, 9)}
	cfg := Config{Context: "bank", Codec: serdetest.Codec(t).Context("bank"), Partitions: 1}.WithDefaults()
	cfg.Leases = statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) })
	w := &Worker{cfg: cfg, holds: newHolds(time.Now), topics: topics{ids: map[string]kafka.TopicInfo{}, inputs: []string{"bank.commands", "bank.dispatch"}}}
	o, err := w.acquire(0, func(_ int32, take take) (*statestore.Lease, error) { return take(context.Background(), "bank.0") })
	if err != nil {
		t.Fatal(err)
	}
	o.empty = false
	m := &member{w: w, cfg: &w.cfg, owned: map[int32]*owned{0: o}}
	return m, root
}

// happen has an account opened, committed and not flushed.
func (m *member) happen(t *testing.T, id string) {
	t.Helper()
	o := m.owned[0]
	frame, err := serdetest.Codec(t).CommandFromJSON("bank.account.open", es.CommandMeta{AggregateID: id, CommandID: id}, []byte(`{"customer_id":"c","currency":"EUR"}`))
	if err != nil {
		t.Fatal(err)
	}
	fx, err := o.p.Step(1, []engine.Input{{Offset: o.p.Next(engine.Commands), Value: frame}})
	if err != nil || fx.Counts.Accepted != 1 {
		t.Fatalf("%+v, %v", fx, err)
	}
	next, _ := o.p.Position()
	o.p.Commit(fx, next+1, 0)
	m.dirty = true
}

func (m *member) holds(t *testing.T, id string) bool {
	t.Helper()
	_, found, err := m.owned[0].overlay.Get([]byte("s/account/" + id))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestASessionGoesOnWhileAFlushIsInTheAir: it takes no second one off, and reads and takes over what comes meanwhile.
func TestASessionGoesOnWhileAFlushIsInTheAir(t *testing.T) {
	t.Parallel()
	m, root := flying(t)
	m.happen(t, "a")
	if err := m.flushDue(); err != nil {
		t.Fatal(err)
	}
	<-root.asked
	m.happen(t, "b")
	m.lastFlush = time.Time{}
	if err := m.flushDue(); err != nil || !m.inFlight() || root.applied.Load() != 0 {
		t.Fatalf("in flight %v, %d written, %v", m.inFlight(), root.applied.Load(), err)
	}
	if !m.holds(t, "a") || m.holds(t, "b") {
		t.Error("what is in the air is not read, or what is not yet due is in it")
	}
	close(root.may)
	<-m.flight.landed
	if err := m.flushDue(); err != nil {
		t.Fatal(err)
	}
	if err := m.land(); err != nil || root.applied.Load() != 2 || !m.holds(t, "b") {
		t.Errorf("%d were written, %v", root.applied.Load(), err)
	}
	if at := m.owned[0].lease.Watermark(); at != 2 {
		t.Errorf("the store reflects the log up to %d, want 2", at)
	}
}

// TestAPartitionIsGivenUpOnceItsFlushHasLanded, and the store then has what came after it took off, too. Without the
// wait the second flush finds the first in the air: that is the negative control.
func TestAPartitionIsGivenUpOnceItsFlushHasLanded(t *testing.T) {
	t.Parallel()
	for _, waits := range []bool{true, false} {
		m, root := flying(t)
		m.happen(t, "a")
		if err := m.takeOff(); err != nil {
			t.Fatal(err)
		}
		<-root.asked
		m.happen(t, "b")
		lease, flight := m.owned[0].lease, m.flight
		if !waits {
			m.flight = nil
		}
		gone := make(chan error, 1)
		go func() { gone <- m.giveUp(0) }()
		if waits {
			select {
			case err := <-gone:
				t.Errorf("it was given up while its flush was in the air: %v", err)
			case <-time.After(20 * time.Millisecond):
			}
		}
		close(root.may)
		err := <-gone
		if waits != (err == nil) || !waits && !errors.Is(err, statestore.ErrFlushing) {
			t.Errorf("waits %v: %v", waits, err)
		}
		<-flight.landed
		if at := lease.Watermark(); waits && at != 2 {
			t.Errorf("the store reflects the log up to %d, want 2", at)
		}
	}
}

// TestAFlushThatFailedIsMadeAgain: the states are above still.
func TestAFlushThatFailedIsMadeAgain(t *testing.T) {
	t.Parallel()
	m, root := flying(t)
	close(root.may)
	root.err = errors.New("the disk is full")
	m.happen(t, "a")
	if err := m.takeOff(); err != nil {
		t.Fatal(err)
	}
	if err := m.land(); !errors.Is(err, root.err) || !m.holds(t, "a") {
		t.Fatalf("%v", err)
	}
	root.err = nil
	if err := m.takeOff(); err != nil {
		t.Fatal(err)
	}
	if err := m.land(); err != nil || m.owned[0].lease.Watermark() != 1 {
		t.Errorf("up to %d, %v", m.owned[0].lease.Watermark(), err)
	}
}

// TestAFlushThatTookLongIsNotFollowedByAnotherAtOnce: under load the store would be written all the time.
func TestAFlushThatTookLongIsNotFollowedByAnotherAtOnce(t *testing.T) {
	t.Parallel()
	m, root := flying(t)
	var clock atomic.Int64
	m.cfg.Now = func() time.Time { return time.Unix(0, clock.Load()) }
	m.lastFlush = m.cfg.Now()
	due := func(after time.Duration) bool {
		t.Helper()
		clock.Add(int64(after))
		if err := m.flushDue(); err != nil {
			t.Fatal(err)
		}
		return m.flight != nil
	}
	m.happen(t, "a")
	if due(0) || !due(m.cfg.FlushEvery) {
		t.Fatal("the first flush is not due when its time has come")
	}
	<-root.asked
	clock.Add(int64(3 * time.Second))
	close(root.may)
	<-m.flight.landed
	m.happen(t, "b")
	if due(m.cfg.FlushEvery) || due(flushShare*3*time.Second-m.cfg.FlushEvery-4*time.Second) {
		t.Error("the next flush came too early")
	}
	if !due(time.Second) {
		t.Error("the next flush never came")
	}
	if err := m.land(); err != nil || !m.holds(t, "b") {
		t.Error(err)
	}
}
