package statestore_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"recount/internal/statestore"
)

const partition = "bank.3"

// watermarkOf reads what upTo writes.
func watermarkOf(r statestore.Reader) (int64, error) {
	value, ok, err := r.Get([]byte("watermark"))
	if err != nil || !ok {
		return -1, err
	}
	return int64(binary.BigEndian.Uint64(value)), nil
}

// upTo returns the batch that a fold up to an event leaves: here the balance is the watermark.
func upTo(watermark int64) *statestore.Batch {
	var b statestore.Batch
	b.Set([]byte("balance"), fmt.Append(nil, watermark))
	b.Set([]byte("watermark"), binary.BigEndian.AppendUint64(nil, uint64(watermark)))
	return &b
}

// acquire may be called from any goroutine of a test; without the lease that goroutine ends here.
func acquire(t *testing.T, l *statestore.Leases) *statestore.Lease {
	t.Helper()
	lease, err := l.Acquire(t.Context(), partition)
	if err != nil {
		t.Error(err)
		runtime.Goexit()
	}
	return lease
}

func release(t *testing.T, l *statestore.Lease) {
	t.Helper()
	if err := l.Release(); err != nil {
		t.Error(err)
	}
}

func wantOutcome(t *testing.T, l *statestore.Lease, watermark int64, want statestore.Outcome) {
	t.Helper()
	if got, err := l.Apply(watermark, upTo(watermark)); got != want || err != nil {
		t.Errorf("apply up to %d: %v, %v; want %v", watermark, got, err, want)
	}
}

// reflects returns an error unless r holds the state after the given event, and says so.
func reflects(r statestore.Reader, event int64) error {
	balance, _, err := r.Get([]byte("balance"))
	if err != nil {
		return err
	}
	watermark, err := watermarkOf(r)
	if err != nil {
		return err
	}
	if string(balance) != fmt.Sprint(event) || watermark != event {
		return fmt.Errorf("balance %s and watermark %d, want those of event %d", balance, watermark, event)
	}
	return nil
}

// TestStaleLease plays the first interleaving of the comment on Leases.
func TestStaleLease(t *testing.T) {
	t.Parallel()
	leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
	a := acquire(t, leases)
	wantOutcome(t, a, 50, statestore.Applied)
	late := upTo(90) // frozen, on its way
	release(t, a)

	b := acquire(t, leases)
	if b.Watermark() != 50 {
		t.Errorf("the new holder folds from %d, want 50", b.Watermark())
	}
	wantOutcome(t, b, 80, statestore.Applied) // still below the late write: only the lease is in its way

	if got, err := a.Apply(90, late); got != statestore.StaleLease || err != nil {
		t.Errorf("late write: %v, %v; want it dropped as stale", got, err)
	}
	if err := reflects(b, 80); err != nil {
		t.Error(err)
	}
	if _, _, err := a.Get([]byte("balance")); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("read through a stale lease: %v, want ErrClosed", err)
	}
	release(t, b)
}

// TestLowerWatermark plays the second one.
func TestLowerWatermark(t *testing.T) {
	t.Parallel()
	leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
	s := acquire(t, leases)
	wantOutcome(t, s, 50, statestore.Applied)
	late := upTo(90)
	wantOutcome(t, s, 120, statestore.Applied)
	if got, err := s.Apply(90, late); got != statestore.LowerWatermark || err != nil {
		t.Errorf("late write: %v, %v; want it dropped for its watermark", got, err)
	}
	if err := reflects(s, 120); err != nil {
		t.Error(err)
	}
	wantOutcome(t, s, 120, statestore.Applied) // an equal one is none the worse: dedup blocks without an event
	release(t, s)

	next := acquire(t, leases)
	if next.Watermark() != 120 {
		t.Errorf("watermark %d found, want 120", next.Watermark())
	}
	wantOutcome(t, next, 119, statestore.LowerWatermark) // the store's own watermark counts, not the lease's memory
	release(t, next)
}

// TestWithoutLeases is the negative control of both: the same late write to the bare store, which has no such guard, is
// noticed by the same check.
func TestWithoutLeases(t *testing.T) {
	t.Parallel()
	s := statestore.NewMemStore()
	late := upTo(90)
	if err := errors.Join(s.Apply(upTo(50)), s.Apply(upTo(120)), s.Apply(late)); err != nil {
		t.Fatal(err)
	}
	if reflects(s, 120) == nil {
		t.Error("a late write to a store without leases went unnoticed")
	}
}

// TestFailedWrite leaves the watermark where it was.
func TestFailedWrite(t *testing.T) {
	t.Parallel()
	l := acquire(t, statestore.NewLeases(statestore.NewMem(), watermarkOf))
	var bad statestore.Batch
	bad.Set(nil, nil)
	var size *statestore.SizeError
	if got, err := l.Apply(90, &bad); got != statestore.Failed || !errors.As(err, &size) {
		t.Errorf("apply: %v, %v; want it failed for its size", got, err)
	}
	wantOutcome(t, l, 60, statestore.Applied)
	release(t, l)
}

// TestAcquireEmpty: the content is gone, and so is the former holder's late write.
func TestAcquireEmpty(t *testing.T) {
	t.Parallel()
	leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
	old := acquire(t, leases)
	wantOutcome(t, old, 50, statestore.Applied)
	release(t, old)
	empty, err := leases.AcquireEmpty(t.Context(), partition)
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, empty)
	if empty.Watermark() != -1 {
		t.Errorf("watermark %d of an empty store, want -1", empty.Watermark())
	}
	wantOutcome(t, old, 90, statestore.StaleLease)
	wantContent(t, empty)
	wantOutcome(t, empty, 0, statestore.Applied)
	release(t, empty)
}

// TestHandOver: those who wait are served in turn, and the holder hears of them.
func TestHandOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
		first := acquire(t, leases)
		var order []string
		var waiters sync.WaitGroup
		for _, name := range []string{"second", "third"} {
			waiters.Go(func() {
				l := acquire(t, leases)
				order = append(order, name)
				if name == "second" {
					<-l.Wanted() // by the third, who asked before the second had it
				} else if isWanted(l) {
					t.Error("the last one is wanted by nobody")
				}
				release(t, l)
			})
			synctest.Wait()
		}
		if len(order) > 0 {
			t.Errorf("%q have what the first has not let go", order)
		}
		<-first.Wanted()
		release(t, first)
		waiters.Wait()
		if len(order) != 2 || order[0] != "second" {
			t.Errorf("served %q", order)
		}
		release(t, first) // again: nothing to do
	})
}

func isWanted(l *statestore.Lease) bool {
	select {
	case <-l.Wanted():
		return true
	default:
		return false
	}
}

// TestGivingUp: one who waits in vain leaves nothing behind, and neither does one who comes too late.
func TestGivingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
		holder := acquire(t, leases)
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("session ended"))
		defer cancel()
		if _, err := leases.Acquire(ctx, partition); err == nil || !errors.Is(err, context.Cause(ctx)) {
			t.Errorf("acquire of what is held: %v, want the context's cause", err)
		}
		release(t, holder)
		if _, err := leases.Acquire(ctx, partition); err == nil {
			t.Error("acquired under a context that is over")
		}
		next := acquire(t, leases)
		if isWanted(next) {
			t.Error("wanted by those who have given up")
		}
		release(t, next)
	})
}

// TestReleaseWaitsForTheWrite: no write stands astride a release. Reads do not wait.
func TestReleaseWaitsForTheWrite(t *testing.T) {
	t.Parallel()
	root := &slowRoot{Mem: statestore.NewMem(), entered: make(chan struct{}), leave: make(chan struct{})}
	leases := statestore.NewLeases(root, watermarkOf)
	a := acquire(t, leases)
	written := make(chan statestore.Outcome, 1)
	go func() {
		outcome, err := a.Apply(90, upTo(90))
		if err != nil {
			t.Error(err)
		}
		written <- outcome
	}()
	<-root.entered
	if _, _, err := a.Get([]byte("balance")); err != nil {
		t.Errorf("read beside a write: %v", err)
	}
	passedOn := make(chan *statestore.Lease, 1)
	go func() {
		defer close(passedOn)
		release(t, a)
		passedOn <- acquire(t, leases)
	}()
	select {
	case <-passedOn:
		t.Error("passed on in the middle of a write")
	case <-time.After(20 * time.Millisecond): // a guard that does not wait has passed it on by now
	}
	close(root.leave)
	if outcome := <-written; outcome != statestore.Applied {
		t.Errorf("the write that came first: %v", outcome)
	}
	b, ok := <-passedOn
	if !ok {
		return // reported
	}
	if err := reflects(b, 90); err != nil {
		t.Error(err)
	}
	release(t, b)
}

// slowRoot has stores whose writes wait for leave.
type slowRoot struct {
	*statestore.Mem
	entered, leave chan struct{}
}

type slowStore struct {
	statestore.Store
	root *slowRoot
}

func (r *slowRoot) Open(name string) (statestore.Store, error) {
	s, err := r.Mem.Open(name)
	return slowStore{s, r}, err
}

func (s slowStore) Apply(b *statestore.Batch) error {
	close(s.root.entered)
	<-s.root.leave
	return s.Store.Apply(b)
}

// TestFailedTakeover passes the turn on, whatever has failed.
func TestFailedTakeover(t *testing.T) {
	t.Parallel()
	root := statestore.NewMem()
	unreadable := errors.New("unknown layout")
	failing := atomic.Bool{}
	failing.Store(true)
	leases := statestore.NewLeases(root, func(r statestore.Reader) (int64, error) {
		if failing.Load() {
			return 0, unreadable
		}
		return watermarkOf(r)
	})
	if _, err := leases.Acquire(t.Context(), partition); !errors.Is(err, unreadable) {
		t.Errorf("acquire: %v, want the reader's error", err)
	}
	failing.Store(false)
	intruder, err := root.Open(partition) // open: the failed takeover has closed it
	if err != nil {
		t.Fatal(err)
	}
	if _, err := leases.Acquire(t.Context(), partition); !errors.Is(err, statestore.ErrInUse) {
		t.Errorf("acquire of what somebody opened without a lease: %v, want ErrInUse", err)
	}
	if err := intruder.Close(); err != nil {
		t.Fatal(err)
	}
	release(t, acquire(t, leases))
	if _, err := leases.Acquire(t.Context(), "no such name!"); err == nil {
		t.Error("acquired a partition of an impossible name")
	}
}

// TestLeaseCrowd passes one partition between many goroutines, each adding to what it finds, and each trying one more
// write after its release.
func TestLeaseCrowd(t *testing.T) {
	t.Parallel()
	const goroutines, turns = 8, 25
	leases := statestore.NewLeases(statestore.NewMem(), watermarkOf)
	var stale atomic.Int64
	var crowd sync.WaitGroup
	for range goroutines {
		crowd.Go(func() {
			for range turns {
				l := acquire(t, leases)
				next := l.Watermark() + 1
				wantOutcome(t, l, next, statestore.Applied)
				release(t, l)
				if outcome, err := l.Apply(next+1, upTo(next+1)); err == nil && outcome == statestore.StaleLease {
					stale.Add(1)
				}
			}
		})
	}
	crowd.Wait()
	l := acquire(t, leases)
	if err := reflects(l, goroutines*turns-1); err != nil {
		t.Error(err)
	}
	if got := stale.Load(); got != goroutines*turns {
		t.Errorf("%d late writes were dropped, want %d", got, goroutines*turns)
	}
	release(t, l)
}

func TestOutcomeNames(t *testing.T) {
	t.Parallel()
	for o, want := range map[statestore.Outcome]string{
		statestore.Failed: "failed", statestore.Applied: "applied", statestore.StaleLease: "stale_lease",
		statestore.LowerWatermark: "lower_watermark", 42: "outcome(42)",
	} {
		if o.String() != want {
			t.Errorf("outcome %d is called %q, want %q", int(o), o, want)
		}
	}
}
