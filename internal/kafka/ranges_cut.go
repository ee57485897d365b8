package kafka

import (
	"fmt"
	"slices"
	"time"
)

// next waits until a range can be cut, and confirms what is done when that takes a while. It returns false when the
// pipeline shall stop.
func (p *partitionRun) next() (bool, error) {
	for {
		if err := p.absorb(); err != nil {
			return false, err
		}
		select {
		case <-p.stopping:
			return false, nil
		case <-p.ctx.Done():
			return false, errLeaseLost
		default:
		}
		if err := p.interrupt(); err != nil {
			return false, err
		}
		if err := p.tend(time.Now()); err != nil {
			return false, err
		}
		if p.ripe(time.Now()) {
			return true, nil
		}
		p.wait()
	}
}

// absorb moves what has arrived into pending and passes the markers of transactions before the first record.
func (p *partitionRun) absorb() error {
	for _, r := range p.inbox.take() {
		if r.Offset < p.position {
			return fmt.Errorf("kafka: the broker sent offset %d after %d", r.Offset, p.position-1)
		}
		p.pending = append(p.pending, r)
		p.bytes += recordBytes(r)
	}
	p.passMarkers()
	return nil
}

func (p *partitionRun) passMarkers() {
	n := 0
	for p.declared == nil && n < len(p.pending) && p.pending[n].Attrs.IsControl() {
		n++
	}
	if n > 0 {
		p.position = p.pending[n-1].Offset + 1
		p.drop(n)
		p.s.c.handler.Reached(p.partition, p.position)
	}
}

// drop removes the first n pending records.
func (p *partitionRun) drop(n int) {
	bytes := 0
	for _, r := range p.pending[:n] {
		bytes += recordBytes(r)
	}
	p.pending = slices.Clone(p.pending[n:]) // a clone, so that what is done can be collected
	p.bytes -= bytes
	p.inbox.release(bytes)
}

// tend does what is due by time: confirming, and looking for the end of a declared range that may have been compacted.
func (p *partitionRun) tend(now time.Time) error {
	if p.confirms() && !now.Before(p.confirmAt()) {
		if err := p.confirm(); err != nil {
			return err
		}
	}
	if p.declared == nil || p.reachesEnd() || now.Before(p.probeAt) {
		return nil
	}
	passed, err := p.passes()
	p.passed, p.probeAt = passed, now.Add(probePause)
	return err
}

// confirms says whether the group will have to be told.
func (p *partitionRun) confirms() bool {
	return p.unconfirmed() && p.s.c.cfg.Without&GuardIdleConfirm == 0
}

func (p *partitionRun) confirmAt() time.Time { return p.since.Add(p.s.c.cfg.Limits.Idle) }

// reachesEnd says whether everything of the declared range has come: the position is past its last offset, whether or
// not a record still has that offset.
func (p *partitionRun) reachesEnd() bool {
	return p.passed || len(p.pending) > 0 && p.pending[len(p.pending)-1].Offset >= p.declared.Last
}

func (p *partitionRun) ripe(now time.Time) bool {
	if p.declared != nil {
		return p.reachesEnd()
	}
	if len(p.pending) == 0 {
		return false
	}
	l := p.s.c.cfg.Limits
	full := len(p.pending) >= l.Records || p.bytes >= min(l.Bytes, p.s.aheadBytes())
	return full || !now.Before(p.nextCut)
}

// wait returns when something arrives, is due or shall stop.
func (p *partitionRun) wait() {
	var due time.Time
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if p.declared != nil {
		sooner(p.probeAt)
	} else if len(p.pending) > 0 {
		sooner(p.nextCut)
	}
	if p.confirms() {
		sooner(p.confirmAt())
	}
	var timer <-chan time.Time
	if !due.IsZero() {
		timer = time.After(time.Until(due))
	}
	select {
	case <-timer:
	case <-p.inbox.arrived:
	case <-p.asked:
		p.due = true
	case <-p.stopping:
	case <-p.ctx.Done():
	}
}

// cut takes the next range out of pending: the declared one exactly as it was declared, else as much as the limits allow.
func (p *partitionRun) cut() Range {
	r := Range{Partition: p.partition}
	n := 0
	if p.declared != nil {
		r.Bounds, r.Again = *p.declared, true
		for n < len(p.pending) && p.pending[n].Offset <= r.Last {
			n++
		}
		p.inbox.limit()
	} else {
		l, bytes := p.s.c.cfg.Limits, 0
		for n < len(p.pending) && n < l.Records && (n == 0 || bytes+recordBytes(p.pending[n]) <= l.Bytes) {
			bytes += recordBytes(p.pending[n])
			n++
		}
		r.First, r.Last = p.position, p.pending[n-1].Offset
	}
	r.Records = slices.DeleteFunc(slices.Clone(p.pending[:n]), func(r *Record) bool { return r.Attrs.IsControl() })
	p.drop(n)
	return r
}
