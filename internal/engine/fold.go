package engine

import (
	"errors"
	"fmt"

	"recount/internal/es"
)

// ErrGap says that a fold met a version that does not follow: an event is missing before it. Fold again from the snapshots, else from zero.
var ErrGap = errors.New("an event is missing")

// Stored is a committed record of this partition's events, refusals or snapshots. Only a snapshot's key is needed.
type Stored struct {
	Offset     int64
	Key, Value []byte
}

// FoldEvents takes committed events over, oldest first. next is the offset after the last record read, control records
// included. A version at or below an aggregate's is passed over: it was folded before.
//
// An error leaves p as it was before the call. An event that can't be decoded is an error, never skipped: it is a fact.
func (p *Partition) FoldEvents(batch []Stored, next int64) error {
	c := p.begin(p.folding)
	marks := p.marks
	for _, r := range batch {
		if err := p.foldEvent(&c, &marks, r); err != nil {
			return fmt.Errorf("folding %s.events/%d@%d: %w", p.cfg.Context, p.cfg.Partition, r.Offset, err)
		}
	}
	p.marks = marks
	p.take(&c)
	p.folding = c
	p.marks.eventsNext = max(p.marks.eventsNext, next)
	return nil
}

func (p *Partition) foldEvent(c *change, marks *marks, r Stored) error {
	decode := p.cfg.Codec.DecodeEvent
	if r.Offset < p.foldFrom {
		decode = p.cfg.Codec.DecodeEventMeta
	}
	e, err := decode(r.Value)
	if err != nil {
		return err
	}
	m := &e.Meta
	c.recordedAt = max(c.recordedAt, m.RecordedAt)
	p.source(marks, m)
	if r.Offset >= p.rememberFrom.events {
		c.remember = append(c.remember, remembered{
			id: fingerprint(e.Aggregate.Name(), m.AggregateID, m.CommandID), at: m.RecordedAt,
			what: outcome{hash: m.CommandHash, version: m.Version, kind: es.Accepted},
		})
	}
	if r.Offset < p.foldFrom {
		return nil
	}
	return p.evolve(c, &e)
}

func (p *Partition) evolve(c *change, e *Event) error {
	m := &e.Meta
	x, err := p.load(c, p.kind(e.Aggregate), m.AggregateID)
	if err != nil {
		return err
	}
	before := c.at(x)
	switch {
	case m.Version <= before.version:
		return nil
	case m.Version > before.version+1:
		return fmt.Errorf("%w: %s %s is at version %d, the next event is version %d", ErrGap, e.Aggregate.Name(), m.AggregateID, before.version, m.Version)
	case before.version == 0:
		c.born++
	}
	next := *before
	next.version, next.chain, next.state = m.Version, m.Chain, e.Aggregate.Evolve(before.state, e.Body)
	c.set(x, &next)
	return nil
}

// FoldRefusals takes committed refusals over: they are part of the dedup window and of the inputs' watermarks.
func (p *Partition) FoldRefusals(batch []Stored, next int64) error {
	c := p.begin(p.folding)
	marks := p.marks
	for _, r := range batch {
		meta, rejection, aggregate, err := p.cfg.Codec.DecodeRefusal(r.Value)
		if err != nil {
			return fmt.Errorf("folding %s.refusals/%d@%d: %w", p.cfg.Context, p.cfg.Partition, r.Offset, err)
		}
		c.recordedAt = max(c.recordedAt, meta.RecordedAt)
		p.source(&marks, &meta)
		if rejection.Outcome == es.Failed || rejection.Code == string(es.CommandIDReused) {
			continue // the first is decided again when it is sent again, the second belongs to another command
		}
		if r.Offset < p.rememberFrom.refusals {
			continue
		}
		c.remember = append(c.remember, remembered{
			id: fingerprint(aggregate, meta.AggregateID, meta.CommandID), at: meta.RecordedAt,
			what: outcome{hash: meta.CommandHash, version: meta.Version, kind: rejection.Outcome, code: rejection.Code},
		})
	}
	p.marks = marks
	p.take(&c)
	p.folding = c
	p.marks.refusalsNext = max(p.marks.refusalsNext, next)
	return nil
}

// source raises the watermark of the channel a folded record came from: what was decided is never decided again,
// even where the group's committed offset was lost.
func (p *Partition) source(marks *marks, m *es.Meta) {
	for c, t := range p.cfg.Topics {
		if m.Source.Topic == t.Name && m.Source.Incarnation == t.ID && m.Source.Partition == p.cfg.Partition {
			marks.sourceNext[c] = max(marks.sourceNext[c], m.Source.Offset+1)
		}
	}
}
