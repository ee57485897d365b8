package aggregator

import (
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/statestore"
)

const (
	// overlayBytesMax and unwrittenMax bound what waits for a flush, whatever the clock says.
	overlayBytesMax = 64 << 20
	unwrittenMax    = 200_000
	// flushShare bounds what flushes take of the time under load: after one that took 200 ms the next is due after two
	// seconds. An aggregate that changes often is written less often then, and what a crash leaves to be folded again
	// grows with what the machine gets done, not without bounds: see full.
	flushShare = 10
)

// full says that a partition should be flushed before its time.
func (o *owned) full() bool {
	return o.overlay.Bytes() > overlayBytesMax || o.p.Unwritten() > unwrittenMax
}

// frozen is what a partition's store lacks, set aside to be written: up to position of the log.
type frozen struct {
	of       *owned
	overlay  *statestore.Overlay // as it was then: a partition that is emptied gets another, and another lease
	lease    *statestore.Lease
	writes   statestore.Frozen
	position int64

	outcome statestore.Outcome
	err     error
}

// freeze sets aside what a partition's memory is ahead of its store.
func (w *Worker) freeze(o *owned) (*frozen, error) {
	writes, deletes, err := o.p.Flush()
	if err == nil {
		err = o.keep(writes, deletes)
	}
	if err != nil {
		return nil, err
	}
	if evicted := o.p.Stats().DedupEvicted; evicted > o.evicted {
		w.cfg.Observer.Evicted(w.cfg.Context, evicted-o.evicted)
		o.evicted = evicted
	}
	f := &frozen{of: o, overlay: o.overlay, lease: o.lease}
	f.position, _ = o.p.Position()
	f.writes, err = o.overlay.Freeze()
	return f, err
}

// write writes it, in one batch. It touches nothing of the partition's but its batch and may run beside its owner.
func (f *frozen) write() {
	f.of.batch.Reset()
	f.writes.AppendTo(&f.of.batch)
	f.outcome, f.err = f.lease.Apply(f.position, &f.of.batch)
}

// thaw lets the overlay forget what was written.
func (w *Worker) thaw(f *frozen) error {
	f.overlay.Thaw(f.writes, f.err == nil)
	w.cfg.Observer.Flush(w.cfg.Context, f.outcome)
	if f.outcome == statestore.Applied {
		w.holds.reached(f.of.number, f.position)
	}
	return f.err
}

// flush writes what a partition's memory is ahead of its store, and waits for it.
func (w *Worker) flush(o *owned) error {
	f, err := w.freeze(o)
	if err != nil {
		return err
	}
	f.write()
	return w.thaw(f)
}

// flight is a flush of a session's partitions that is under way beside the session.
//
// The session goes on deciding, and reads what is in the air from the overlays. It waits for the landing before it does
// anything else with its partitions, as in:
//
//	session: freezes 3 at 500, takes off        flight: is about to write 3 up to 500
//	session: 3 is taken away; it writes up to 600, and gives 3 up
//	                                            flight: writes 3 up to 500, over what the next owner does
//
// The lease alone would drop that last write, for its lower watermark or for its being released, but not one up to the
// same watermark: see statestore.Leases.
type flight struct {
	parts  []*frozen
	landed chan struct{}
	took   time.Duration // until it landed
}

// takeOff begins a flight with all partitions. Encoding them is shared among the cores: the session waits for that.
func (m *member) takeOff() error {
	began := m.cfg.Now()
	f := &flight{landed: make(chan struct{})}
	for range m.owned {
		f.parts = append(f.parts, nil)
	}
	var g errgroup.Group
	i := 0
	for _, o := range m.owned {
		place := &f.parts[i]
		g.Go(func() (err error) {
			*place, err = m.w.freeze(o)
			return err
		})
		i++
	}
	if err := g.Wait(); err != nil {
		return err
	}
	m.flight = f
	go func() {
		defer close(f.landed)
		for _, part := range f.parts {
			part.write()
		}
		f.took = m.cfg.Now().Sub(began)
	}()
	return nil
}

// land waits for the flight under way, if there is one.
func (m *member) land() error {
	f := m.flight
	if f == nil {
		return nil
	}
	<-f.landed
	m.flight, m.flushPause = nil, flushShare*f.took
	var errs []error
	for _, part := range f.parts {
		errs = append(errs, m.w.thaw(part))
	}
	return errors.Join(errs...)
}

// inFlight says whether a flush is still under way.
func (m *member) inFlight() bool {
	if m.flight == nil {
		return false
	}
	select {
	case <-m.flight.landed:
		return false
	default:
		return true
	}
}

// flushDue has what is committed written to the store when its time has come.
func (m *member) flushDue() error {
	full := false
	for _, o := range m.owned {
		full = full || o.full()
	}
	if m.inFlight() && !full {
		return nil
	}
	if err := m.land(); err != nil {
		return err
	}
	if due := m.lastFlush.Add(max(m.cfg.FlushEvery, m.flushPause)); !m.dirty || !full && m.cfg.Now().Before(due) {
		return nil
	}
	m.dirty, m.lastFlush = false, m.cfg.Now()
	return m.takeOff()
}
