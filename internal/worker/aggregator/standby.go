package aggregator

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// standbys follow the events and refusals of partitions that this worker does not own, each under the partition's lease,
// so that taking one over replays a short tail. They are best effort: an error costs the warmth of one partition, is
// logged, and is tried again after a pause.
//
// One goroutine folds for all of them (run), and another fills one store at a time from the log: that bounds what they
// take of the processor. Each takes as much memory as a partition that is owned.
//
// When the group gives a session of this process a partition that a standby holds, this happens:
//
//	session: hears of it, says so (claim), fetches offsets and watermarks (kafka.Standings), asks for it (take)
//	standby: ends the batch it is folding, forgets the partition's topics, hands over lease, overlay and engine
//	session: goes on folding where the standby stopped, up to those watermarks
//
// The standby touches none of it after the hand-over, and both happen on its one goroutine, so no write of its own can
// come later. A partition that is still being filled is not handed over: the filling is stopped, its lease released, and
// the session goes on with what the store reflects. Without any of this the session would wait for a lease that nobody
// gives up, and the partition would have no owner.
type standbys struct {
	w *Worker

	mu      sync.Mutex
	given   []int32         // to follow, by the group's leader
	ordered []int32         // by an operator
	claims  [][]int32       // by session: what it owns or waits for
	held    map[int32]*held // what is followed or being filled
	ending  bool            // everything is let go of, whoever claims it
	news    bool            // something above has changed since run looked
	wake    context.CancelFunc
}

// held is a partition in the standbys' hands.
type held struct {
	number int32
	stop   context.CancelFunc // ends the filling

	*owned // nil until it is filled; then the standbys' goroutine's alone
	filled bool
	err    error // why the filling ended without

	following bool // its topics are being read

	claimed bool        // a session waits for it
	passed  chan *owned // where it is handed over; nil: its lease was released
}

const (
	standbyPollPatience = 250 * time.Millisecond
	standbyPollMax      = 10_000
	standbyRetryPause   = 10 * time.Second
)

func newStandbys(w *Worker) *standbys {
	return &standbys{w: w, claims: make([][]int32, w.cfg.Sessions), held: map[int32]*held{}}
}

// give sets what the group's leader wants followed.
func (s *standbys) give(partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given = slices.Clone(partitions)
	s.changed()
}

// order sets what an operator wants followed.
func (s *standbys) order(partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ordered = slices.Clone(partitions)
	s.changed()
}

// claim sets what a session owns or waits for: the standbys begin to follow none of it. What they follow already they
// keep until the session takes it, which it does as soon as it knows up to where.
func (s *standbys) claim(session int, partitions []int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[session] = partitions
	s.changed()
}

// changed is called with mu held.
func (s *standbys) changed() {
	s.news = true
	if s.wake != nil {
		s.wake()
	}
}

// take returns a partition that a standby holds, as far as it has come, or nil if none does: then its lease is free, or
// soon will be. The session must have claimed it. It waits for a batch's fold at most, and not beyond ctx.
func (s *standbys) take(ctx context.Context, n int32) *owned {
	s.mu.Lock()
	h := s.held[n]
	if h == nil {
		s.mu.Unlock()
		return nil
	}
	h.claimed = true
	s.changed()
	s.mu.Unlock()
	select {
	case o := <-h.passed:
		return o
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.claimed = false // from here on it is released instead
	select {
	case o := <-h.passed: // handed over just before
		return o
	default:
		return nil
	}
}

// wants says whether a partition is to be followed. mu must be held.
func (s *standbys) wants(n int32) bool {
	return slices.Contains(s.given, n) || slices.Contains(s.ordered, n)
}

// isClaimed says whether a session owns a partition or waits for it. mu must be held.
func (s *standbys) isClaimed(n int32) bool {
	return slices.ContainsFunc(s.claims, func(c []int32) bool { return slices.Contains(c, n) })
}

// undisturbed returns a context that ends with ctx, after patience, or as soon as there is news. Cancel ends it.
func (s *standbys) undisturbed(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeout(ctx, patience)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = stop
	if s.news {
		stop()
	}
	return ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wake = nil
		stop()
	}
}

// fill makes a partition's store reflect its log, on a goroutine of its own.
func (s *standbys) fill(ctx context.Context, h *held) {
	o, err := s.w.warmUp(ctx, h.number)
	s.mu.Lock()
	defer s.mu.Unlock()
	h.owned, h.err, h.filled = o, err, true
	s.changed()
}

// warmUp takes a partition's lease and catches up with what its log holds now.
func (w *Worker) warmUp(ctx context.Context, n int32) (*owned, error) {
	lease := func(n int32, take take) (*statestore.Lease, error) { return take(ctx, w.storeName(n)) }
	targets, err := w.targets(ctx)
	if err != nil {
		return nil, err
	}
	to := targets(n)
	if err := w.whole(n, to.events); err != nil {
		return nil, err
	}
	o, err := w.acquire(n, lease)
	if err != nil {
		return nil, err
	}
	if err := w.catchUp(ctx, []*catchUp{{owned: o, lease: lease, to: to}}); err != nil {
		if o.lease != nil {
			err = errors.Join(err, o.lease.Release())
		}
		return nil, err
	}
	return o, nil
}

// spoiled says whether a store must be filled again, and not only read again.
func spoiled(err error) bool { return errors.Is(err, engine.ErrGap) }

// follow has the follower read on where o stands.
func (w *Worker) follow(f *kafka.Follower, o *owned) {
	events, refusals := o.p.Position()
	f.Follow(w.topics.events, o.number, events)
	f.Follow(w.topics.refusals, o.number, refusals)
}

func (w *Worker) forget(f *kafka.Follower, n int32) {
	f.Forget(w.topics.events, n)
	f.Forget(w.topics.refusals, n)
}
