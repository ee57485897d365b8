package statestore

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// WatermarkOf reads from a store the watermark that the last batch put there, or a value below every possible one if
// there is none. It is the writer's, since the layout of keys is.
type WatermarkOf func(Reader) (int64, error)

// Leases hands out the partitions of a root, each to one holder at a time, from the start of its takeover to its last
// write.
//
// Two things can go wrong without it, both because a flush runs beside its session. First, a partition moves inside the
// process, say from session A to session B:
//
//	A: freezes what was committed up to event 90, its flusher builds the batch
//	A: loses the partition, releases it              B: waits in Acquire, gets the partition
//	                                                 B: reads the store's watermark 50, folds 51…120, applies 120
//	A's flusher: applies 90                          B decides on balances as of 90
//
// A lease makes that last write a dropped one ([StaleLease]): Apply checks and writes under the lock that Release takes,
// so that no write stands astride a release. Either Apply got the lock first, then B reads 90 and folds from there, or
// Release did, then the write is dropped and B, which folds from the store's own watermark, misses nothing by it.
//
// Second, a session keeps its lease and starts anew with another overlay, while a flush of the old one is on its way:
//
//	S: freezes up to 90, its flusher builds the batch
//	S: opens the store again, folds 51…120 from the log, applies 120
//	S's flusher: applies 90
//
// The lease is the right one, but 90 is below what has been written: [LowerWatermark]. That is a backstop and no licence.
// An equal watermark passes, since refusals, dedup blocks and the parts of a checkpoint are written without a new event,
// and so a late write up to 120 would land: its states are the same, but not what the two believe to be in a snapshot.
// Then an aggregate that changed is in no later checkpoint, and a restore from that lacks its events. Whoever starts anew
// waits for its flush, or releases the lease and takes it again, which makes the late write the first case.
//
// A dropped write is no error; whoever wrote counts it.
type Leases struct {
	root        Root
	watermarkOf WatermarkOf

	mu    sync.Mutex
	slots map[string]*slot
}

// slot is one partition's place in a Leases.
type slot struct {
	turn    chan struct{} // holds one token while nobody has the lease
	holder  *Lease        // guarded by Leases.mu, as is waiting
	waiting int
}

// NewLeases returns the leases of root's partitions. From then on nobody else opens or drops a partition of that root.
func NewLeases(root Root, watermarkOf WatermarkOf) *Leases {
	return &Leases{root: root, watermarkOf: watermarkOf, slots: map[string]*slot{}}
}

// Acquire waits until nobody has the named partition, opens it and reads its watermark. While it waits, the holder's
// Wanted is closed. Those who wait are served in turn. It ends with ctx.
func (l *Leases) Acquire(ctx context.Context, name string) (*Lease, error) {
	return l.acquire(ctx, name, l.root.Open)
}

// AcquireEmpty is Acquire, but throws away what the store holds: for a partition that must be folded from its log's
// beginning, because its state is of another schema or lies ahead of the log. Whoever finds that out under a lease
// releases it first. A write of theirs still on its way is then stale, and cannot land in the emptied store, where no
// watermark would stop it.
func (l *Leases) AcquireEmpty(ctx context.Context, name string) (*Lease, error) {
	return l.acquire(ctx, name, func(name string) (Store, error) {
		if err := l.root.Drop(name); err != nil {
			return nil, err
		}
		return l.root.Open(name)
	})
}

func (l *Leases) acquire(ctx context.Context, name string, open func(string) (Store, error)) (*Lease, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	s, err := l.await(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("wait for the lease of %s: %w", name, err)
	}
	lease, err := l.grant(name, s, open)
	if err != nil {
		s.turn <- struct{}{}
		return nil, fmt.Errorf("take the lease of %s: %w", name, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.holder = lease
	if s.waiting > 0 {
		lease.want()
	}
	return lease, nil
}

// await returns the named partition's slot when it is the caller's turn.
func (l *Leases) await(ctx context.Context, name string) (*slot, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // not by chance of the select below, and without stirring the holder
	}
	l.mu.Lock()
	s := l.slots[name]
	if s == nil {
		s = &slot{turn: make(chan struct{}, 1)}
		s.turn <- struct{}{}
		l.slots[name] = s
	}
	s.waiting++
	if s.holder != nil {
		s.holder.want()
	}
	l.mu.Unlock()

	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		s.waiting--
	}()
	select {
	case <-s.turn:
		return s, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// grant makes the lease of a partition whose turn the caller has.
func (l *Leases) grant(name string, s *slot, open func(string) (Store, error)) (*Lease, error) {
	store, err := open(name)
	if err != nil {
		return nil, err
	}
	watermark, err := l.watermarkOf(store)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read its watermark: %w", err), store.Close())
	}
	return &Lease{
		name:      name,
		store:     store,
		wanted:    make(chan struct{}),
		watermark: watermark,
		handBack: func() {
			l.mu.Lock()
			s.holder = nil
			l.mu.Unlock()
			s.turn <- struct{}{}
		},
	}, nil
}
