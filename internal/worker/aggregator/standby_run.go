package aggregator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"recount/internal/kafka"
)

// standbyRun is the goroutine that follows for all standbys. Everything in it is its own.
type standbyRun struct {
	*standbys
	from      *kafka.Follower
	retry     map[int32]time.Time // when a partition that failed is tried again
	fillings  sync.WaitGroup
	lastFlush time.Time
}

// run follows what is wanted until ctx ends; then it writes everything to the stores and lets go.
func (s *standbys) run(ctx context.Context) (err error) {
	from, err := kafka.NewFollower(s.w.cfg.Kafka)
	if err != nil {
		return err
	}
	defer from.Close()
	r := &standbyRun{standbys: s, from: from, retry: map[int32]time.Time{}, lastFlush: s.w.cfg.Now()}
	for ctx.Err() == nil {
		r.reconcile(ctx)
		poll, cancel := s.undisturbed(ctx, standbyPollPatience)
		r.from.Poll(poll, standbyPollMax, func(span kafka.Span, records []*kafka.Record, next int64) {
			r.fold(ctx, span, records, next)
		}, r.failed)
		cancel()
		r.flushDue()
	}
	r.end()
	r.fillings.Wait()
	r.reconcile(ctx)
	return nil
}

// end has everything let go of. A session's claim does not keep it: stopped as well, it may never take what it claimed.
func (r *standbyRun) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ending = true
	for _, h := range r.held {
		h.stop()
	}
}

// reconcile makes what is held what is wanted, as far as that can be without waiting.
func (r *standbyRun) reconcile(ctx context.Context) {
	var release, follow []*held
	r.mu.Lock()
	r.news = false
	filling := false
	for n, h := range r.held {
		wanted := !r.ending && (r.wants(n) || r.isClaimed(n)) && !h.claimed && !h.asked()
		switch {
		case !h.filled:
			filling = true
			if !wanted {
				h.stop()
			}
		case h.owned == nil:
			r.drop(h, nil)
			r.gaveUp(h)
		case wanted:
			if !h.following {
				h.following = true
				follow = append(follow, h)
			}
		case h.claimed:
			r.leave(h)
			r.drop(h, h.owned)
		default:
			delete(r.held, n)
			release = append(release, h)
		}
	}
	if !filling && ctx.Err() == nil {
		r.fillNext(ctx)
	}
	r.mu.Unlock()
	for _, h := range follow {
		r.w.follow(r.from, h.owned)
		r.w.holds.become(h.number, kafka.StandbyRole)
	}
	for _, h := range release {
		r.release(h)
	}
}

// asked says whether somebody waits for the partition's lease.
func (h *held) asked() bool {
	if h.owned == nil || !h.filled {
		return false
	}
	select {
	case <-h.lease.Wanted():
		return true
	default:
		return false
	}
}

// drop forgets a partition, and hands it to the session that waits for it, if one does. mu must be held.
func (r *standbyRun) drop(h *held, o *owned) {
	delete(r.held, h.number)
	if h.claimed {
		h.passed <- o
	}
}

// gaveUp notes that a filling has ended without a store. mu must be held.
func (r *standbyRun) gaveUp(h *held) {
	r.w.holds.become(h.number, kafka.IdleRole)
	if errors.Is(h.err, context.Canceled) {
		return
	}
	r.retry[h.number] = r.w.cfg.Now().Add(standbyRetryPause)
	r.w.cfg.Log.Warn("a standby starts again", "context", r.w.cfg.Context, "partition", h.number, "pause", standbyRetryPause, "cause", h.err)
}

// fillNext begins to fill one of the partitions that are wanted and not held. mu must be held.
func (r *standbyRun) fillNext(ctx context.Context) {
	wanted := append(slices.Clone(r.ordered), r.given...) // an operator waits for the former
	for _, n := range wanted {
		if r.held[n] != nil || !r.wants(n) || r.isClaimed(n) || r.w.cfg.Now().Before(r.retry[n]) || n < 0 || n >= r.w.cfg.Partitions {
			continue
		}
		ctx, stop := context.WithCancel(ctx)
		h := &held{number: n, stop: stop, passed: make(chan *owned, 1)}
		r.held[n] = h
		r.w.holds.become(n, kafka.FillingRole)
		r.fillings.Go(func() {
			defer stop()
			r.fill(ctx, h)
		})
		return
	}
}

// leave stops reading a partition's topics.
func (r *standbyRun) leave(h *held) {
	if h.following {
		r.w.forget(r.from, h.number)
		h.following = false
		r.w.cfg.Observer.Standby(r.w.cfg.Context, h.number, -1)
	}
}

// release writes a partition's memory to the store and gives its lease back.
func (r *standbyRun) release(h *held) {
	r.leave(h)
	if err := errors.Join(r.w.flush(h.owned), h.lease.Release()); err != nil {
		r.w.cfg.Log.Warn("letting a standby go", "context", r.w.cfg.Context, "partition", h.number, "cause", err)
	}
	r.w.holds.become(h.number, kafka.IdleRole)
}

// fold takes records of a partition over.
func (r *standbyRun) fold(ctx context.Context, span kafka.Span, records []*kafka.Record, next int64) {
	h := r.followed(span.Partition)
	if h == nil {
		return
	}
	if err := r.w.absorb(ctx, h.owned, span, records, next); err != nil {
		r.failed(span, fmt.Errorf("folding: %w", err))
		return
	}
	if span.Topic == r.w.topics.events {
		position, _ := h.p.Position()
		r.w.cfg.Observer.Standby(r.w.cfg.Context, h.number, max(0, span.Until-position))
	}
}

func (r *standbyRun) followed(n int32) *held {
	r.mu.Lock()
	defer r.mu.Unlock()
	if h := r.held[n]; h != nil && h.following {
		return h
	}
	return nil
}

// failed lets go of a partition that can't be followed on. It is filled again: at once where the store does not fit the
// log, which filling mends, else after a pause.
func (r *standbyRun) failed(span kafka.Span, cause error) {
	h := r.followed(span.Partition)
	if h == nil {
		return
	}
	r.mu.Lock()
	delete(r.held, h.number)
	if !spoiled(cause) {
		r.retry[h.number] = r.w.cfg.Now().Add(standbyRetryPause)
	}
	if h.claimed {
		h.passed <- nil
	}
	r.mu.Unlock()
	r.w.cfg.Log.Warn("a standby starts again", "context", r.w.cfg.Context, "partition", h.number, "cause", cause)
	r.leave(h)
	if err := h.lease.Release(); err != nil {
		r.w.cfg.Log.Warn("letting a standby go", "context", r.w.cfg.Context, "partition", h.number, "cause", err)
	}
	r.w.holds.become(h.number, kafka.IdleRole)
}

// flushDue writes what the memories are ahead of their stores.
func (r *standbyRun) flushDue() {
	if r.w.cfg.Now().Sub(r.lastFlush) < r.w.cfg.FlushEvery {
		return
	}
	r.lastFlush = r.w.cfg.Now()
	r.mu.Lock()
	var all []*held
	for _, h := range r.held {
		if h.following {
			all = append(all, h)
		}
	}
	r.mu.Unlock()
	for _, h := range all {
		if err := r.w.flush(h.owned); err != nil {
			r.failed(kafka.Span{Topic: r.w.topics.events, Partition: h.number}, err)
		}
	}
}
