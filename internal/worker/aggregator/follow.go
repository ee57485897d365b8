package aggregator

import (
	"fmt"
	"time"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
)

// Tracer follows some of the records that are decided on; telemetry makes spans of them. It is asked on the hot path, by
// one goroutine a session: it must return at once, and must not allocate for what it does not follow.
type Tracer interface {
	// Follow begins to follow what is made of r, of which a batch that began at a moment decides; nil, as for nearly all
	// records: nobody follows it. r is not to be kept.
	Follow(r *kafka.Record, began time.Time) Trail
}

// Trail follows one record. One that is not told how it ended is forgotten: it was not decided here, or nobody knows
// whether its transaction was committed, and then it is read and followed again.
type Trail interface {
	// Headers are borne by everything that is made of the record, so that whoever reads that can follow on.
	Headers() []engine.Header
	// Committed ends it.
	Committed(d Decided)
}

// Decided is what became of a record that is followed, once that is known to be committed.
type Decided struct {
	engine.Followed
	Context string
	// Process says that a process took the record in, as against an aggregate a command.
	Process bool
	// Source is where the record lies, topic/partition@offset; Position the place of the last event made of it, "" where
	// an aggregate made none.
	Source, Position string
	// Decided is when the batch was decided, Committed when it was committed: with so many Commands.
	Decided, Committed time.Time
	Commands           int
}

// trail is a Trail and the record it follows.
type trail struct {
	channel engine.Channel
	offset  int64
	Trail
}

// follow has in followed on its way, if somebody wants to.
func (p *part) follow(by Tracer, r *kafka.Record, in *engine.Input, began time.Time) {
	t := by.Follow(r, began)
	if t == nil {
		return
	}
	in.Carried = t.Headers()
	p.trails = append(p.trails, trail{in.Channel, in.Offset, t})
}

// followed tells those who follow the batch's records how they ended. The batch is committed.
func (m *member) followed(b *batch, decided, committed time.Time) {
	for _, p := range b.parts {
		told := p.fx.Followed
		for _, t := range p.trails { // both are in the order of the inputs; some inputs are told nothing of
			if len(told) == 0 {
				break
			}
			if told[0].Channel != t.channel || told[0].Offset != t.offset {
				continue
			}
			d := m.decided(p, told[0])
			d.Decided, d.Committed, d.Commands = decided, committed, b.commands
			t.Committed(d)
			told = told[1:]
		}
	}
}

func (m *member) decided(p *part, f engine.Followed) Decided {
	d := Decided{Followed: f, Context: m.cfg.Context, Process: m.cfg.Outbox != nil}
	d.Source = fmt.Sprintf("%s/%d@%d", m.w.topics.inputs[f.Channel], p.owned.number, f.Offset)
	if f.Events > 0 && !d.Process { // a position is a place in the log of events
		last := p.events[f.FirstEvent+f.Events-1]
		d.Position = es.Position{Context: m.cfg.Context, Partition: last.Partition, Offset: last.Offset}.String()
	}
	return d
}
