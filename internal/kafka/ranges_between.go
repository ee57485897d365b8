package kafka

import "context"

// Interrupter is a RangeHandler that at times has work to do in a partition between two ranges.
type Interrupter interface {
	// Asked returns a channel that holds a token when there is such work in a partition; it is asked for after Begin.
	Asked(partition int32) <-chan struct{}
	// Between returns that work, or nil. No range is declared while it is carried out: everything before it is confirmed,
	// and who takes the partition over after a death in the middle of it begins no range that was prepared without it.
	Between(ctx context.Context, partition int32) (Work, error)
}

// listen has the pipeline hear of work between ranges.
func (p *partitionRun) listen() {
	if h, ok := p.s.c.handler.(Interrupter); ok {
		p.asked = h.Asked(p.partition)
	}
}

// interrupt carries out what was asked for between ranges. A range that an earlier owner declared comes first: it was
// prepared before.
func (p *partitionRun) interrupt() error {
	select {
	case <-p.asked:
		p.due = true
	default:
	}
	if !p.due || p.declared != nil {
		return nil
	}
	p.due = false
	if err := p.confirm(); err != nil {
		return err
	}
	work, err := p.s.c.handler.(Interrupter).Between(p.ctx, p.partition)
	if err != nil || work == nil {
		return err
	}
	return work(p.ctx, p.lease.do)
}
