package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// partitionRun is the pipeline of one partition during one assignment: a goroutine that cuts ranges from what was
// fetched, declares them, has them carried out, and confirms them.
type partitionRun struct {
	s         *rangeSession
	partition int32
	member    string // of the group, that it was given to
	lease     lease
	ctx       context.Context // ends when the partition is lost
	cancel    context.CancelFunc
	stopping  chan struct{} // closed: finish the range in work, confirm, end
	stopOnce  sync.Once
	done      chan struct{} // closed when the goroutine has ended
	inbox     inbox

	// What follows belongs to the goroutine.
	pending  []*Record       // fetched, at or after position
	bytes    int             // of pending
	position int64           // everything below is done
	declared *Bounds         // an earlier owner's range, to be carried out first
	group    committed       // what the group holds
	since    time.Time       // of group, for the confirmation
	nextCut  time.Time       // not before, unless the range is full
	probeAt  time.Time       // when to look whether the end of declared was compacted away
	passed   bool            // it was
	asked    <-chan struct{} // holds a token when there is work between ranges
	due      bool            // there is
}

func newPartitionRun(s *rangeSession, partition int32, at committed) *partitionRun {
	p := &partitionRun{
		s: s, partition: partition, group: at, position: at.offset, declared: at.next,
		stopping: make(chan struct{}), done: make(chan struct{}),
		inbox: inbox{
			arrived:   make(chan struct{}, 1),
			unlimited: at.next != nil,
			pause:     func() { s.cl.PauseFetchPartitions(s.only(partition)) },
			resume:    func() { s.cl.ResumeFetchPartitions(s.only(partition)) },
		},
	}
	p.member, _ = s.cl.GroupMetadata() // it has just fetched the offsets, and nothing else joins
	p.ctx, p.cancel = context.WithCancel(s.work)
	return p
}

func (p *partitionRun) finish() { p.stopOnce.Do(func() { close(p.stopping) }) }

// abort ends what is in work and then takes the lease, which waits for an attempt to return.
func (p *partitionRun) abort() {
	p.cancel()
	p.lease.take()
}

func (p *partitionRun) run() {
	defer close(p.done)
	defer p.cancel()
	err := p.loop()
	if err == nil || errors.Is(err, errLeaseLost) || p.ctx.Err() != nil {
		return
	}
	p.s.fail(fmt.Errorf("%s/%d: %w", p.s.c.cfg.Topic, p.partition, err))
}

func (p *partitionRun) loop() error {
	if err := p.begin(); err != nil {
		return err
	}
	for {
		more, err := p.next()
		if err != nil {
			return err
		}
		if !more {
			return p.confirm()
		}
		if err := p.step(); err != nil {
			return err
		}
	}
}

// step cuts a range and processes it, when the rate allows it and it is this pipeline's turn. What arrived meanwhile
// belongs to the range.
func (p *partitionRun) step() error {
	if more, err := p.pace(); err != nil || !more {
		return err
	}
	began := time.Now()
	if turns := p.s.c.cfg.Turns; turns != nil {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-p.stopping:
			return nil
		case <-p.ctx.Done():
			return errLeaseLost
		}
	}
	if err := p.absorb(); err != nil {
		return err
	}
	if err := p.process(p.cut()); err != nil {
		return err
	}
	// Where waiting for the turn and the work take long, the machine is busy: as long again is left to the others.
	took := time.Since(began)
	p.nextCut = began.Add(took + max(p.s.c.cfg.Limits.Age-took, took))
	return nil
}

// pace waits until the rate allows another range. It returns false when the pipeline shall stop.
func (p *partitionRun) pace() (bool, error) {
	wait := p.s.c.rate.wait(time.Now(), p.s.c.cfg.Limits.Rate*float64(len(p.s.owned())))
	if wait == 0 {
		return true, nil
	}
	select {
	case <-time.After(wait):
		return true, nil
	case <-p.stopping:
		return false, nil
	case <-p.ctx.Done():
		return false, errLeaseLost
	}
}

// begin checks that the log still holds what is to come, and announces the assignment.
func (p *partitionRun) begin() error {
	found, err := extents(p.ctx, p.s.admin, []string{p.s.c.cfg.Topic})
	if err != nil {
		return Rejoin(err)
	}
	log := found[p.s.c.cfg.Topic][p.partition]
	switch {
	case p.position >= 0 && p.position < log.Start:
		return fmt.Errorf("kafka: group %s stands at offset %d, but the log starts at %d: records between were deleted before they "+
			"were projected; rebuild the view from what is left, or restore the topic", p.s.c.cfg.Group, p.position, log.Start)
	case p.position > log.Stable:
		return fmt.Errorf("kafka: group %s stands at offset %d, but the log ends at %d: the topic was truncated or made again; "+
			"rebuild the view", p.s.c.cfg.Group, p.position, log.Stable)
	}
	p.since, p.probeAt = time.Now(), time.Now().Add(probePause)
	err = p.s.c.handler.Begin(p.ctx, Assignment{Partition: p.partition, Position: p.position, Declared: p.declared, Log: log})
	if p.position < 0 {
		p.position = log.Start
	}
	p.listen()
	return err
}

// process declares a range, has it carried out and moves the position past it.
func (p *partitionRun) process(r Range) error {
	work, err := p.s.c.handler.Prepare(p.ctx, r)
	if err != nil {
		return err
	}
	if work != nil {
		if err := p.declare(r); err != nil {
			return err
		}
		if err := work(p.ctx, p.lease.do); err != nil {
			return err
		}
	}
	p.position, p.declared = r.Last+1, nil
	p.s.c.handler.Reached(p.partition, p.position)
	return nil
}

// declare tells the group which range comes next, and with it that all before is done. A range that comes again is
// declared already.
func (p *partitionRun) declare(r Range) error {
	if r.Again {
		return nil
	}
	next := committed{r.First, &r.Bounds}
	if p.s.c.cfg.Without&GuardDeclare != 0 {
		next.next = nil
	}
	return p.commit(next)
}

// confirm commits that everything below position is done, if the group does not know yet. A declared range that was
// not carried out stays declared.
func (p *partitionRun) confirm() error {
	if !p.unconfirmed() {
		return nil
	}
	if err := p.commit(committed{offset: p.position}); err != nil {
		return err
	}
	p.s.c.handler.Confirmed(p.partition, p.position)
	return nil
}

func (p *partitionRun) unconfirmed() bool {
	return p.declared == nil && (p.group.offset != p.position || p.group.next != nil)
}

// commit is made under the lease, so that a partition that belongs to somebody else is never committed for.
func (p *partitionRun) commit(to committed) error {
	d := declaration{generation: p.s.c.cfg.Generation, next: to.next}
	err := p.lease.do(func() error {
		return p.s.commits.commit(p.s.work, p.member, p.partition, to.offset, d.String())
	})
	switch {
	case errors.Is(err, errLeaseLost):
		return err
	case errors.Is(err, kerr.FencedInstanceID):
		return p.s.c.fenced(err)
	case err != nil:
		return Rejoin(fmt.Errorf("kafka: committing offset %d of group %s: %w", to.offset, p.s.c.cfg.Group, err))
	}
	p.group, p.since = to, time.Now()
	return nil
}

// fetchedOverheadBytes is what a record costs in memory beside its key and value.
const fetchedOverheadBytes = 200

func recordBytes(r *Record) int { return len(r.Key) + len(r.Value) + fetchedOverheadBytes }
