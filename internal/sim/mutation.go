package sim

import (
	"time"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
)

// mutation is a deliberate mistake: one guard of the write side left out, or one value bent on its way. It shows that the
// invariants, and the faults around them, would notice. README.md lists them, how each is injected and what catches it.
//
// Production code has no switch for them. A mutation is in what is wrapped around it: the codec, the store, the frames on
// the network, the configuration. What none of these reaches, the order of steps in a takeover and after a transaction,
// is left out by the pure world's own loop around the engine.
type mutation string

const (
	faithful           mutation = ""
	noFold             mutation = "a takeover does not fold"
	noDedup            mutation = "nothing is remembered of decided commands"
	shortMemory        mutation = "only the last commands are remembered"
	dedupNotRebuilt    mutation = "a fold does not rebuild the dedup window"
	refusalsNotFolded  mutation = "a fold leaves the refusals out"
	watermarksIgnored  mutation = "a fold does not raise the inputs' watermarks"
	storeFirst         mutation = "the store is written before the transaction ends"
	staleReads         mutation = "a batch is decided against the state before it"
	unknownIsCommitted mutation = "an unknown end is taken for committed"
	unknownIsAborted   mutation = "an unknown end is taken for aborted"
	unfenced           mutation = "a transaction of an old generation is accepted"
	marksBeforeOffsets mutation = "high watermarks are taken before the stable offsets"
	staleWriteLands    mutation = "a write under a released lease lands"
	leaseOfTheMoment   mutation = "a late write goes under the lease that its session has by then"
	leaseKept          mutation = "a session starts again under the lease it had"
	olderWriteLands    mutation = "a session starts again under the lease it had, and its old write lands whatever the watermark"
	gapPassedOver      mutation = "a version gap is passed over"
	clockUnguarded     mutation = "recorded_at is whatever the clock says"
	chainForgotten     mutation = "a fold forgets the chain"
	eventAltered       mutation = "an event is altered after it was chained"
	eventCut           mutation = "an event's frame is cut short"
	amountAltered      mutation = "an event says another amount than its command"
	commandSkipped     mutation = "an offset is committed beyond what was decided"
	answeredTooSoon    mutation = "callers are answered before the transaction ends"
	markerAtEnd        mutation = "a marker says where its checkpoint ended"
	snapshotAltered    mutation = "a snapshot is of another version than it says"
)

// bentCodec is a codec that makes a mutation's mistake.
type bentCodec struct {
	engine.Codec
	mutation mutation
	now      func() time.Time
}

func (m mutation) bentCodec(c engine.Codec, now func() time.Time) engine.Codec {
	if m == faithful {
		return c
	}
	return bentCodec{c, m, now}
}

func (c bentCodec) AppendEvent(dst []byte, a es.AggregateType, meta *es.Meta, event any) ([]byte, int, es.Hash, error) {
	if c.mutation == clockUnguarded {
		stamped := *meta
		stamped.RecordedAt = c.now().UnixMilli()
		meta = &stamped
	}
	if c.mutation == amountAltered {
		event = alter(event)
	}
	return c.Codec.AppendEvent(dst, a, meta, event)
}

// DecodeEvent is what folds read with; a step never does.
func (c bentCodec) DecodeEvent(value []byte) (engine.Event, error) {
	e, err := c.Codec.DecodeEvent(value)
	c.bend(&e)
	return e, err
}

func (c bentCodec) DecodeEventMeta(value []byte) (engine.Event, error) {
	e, err := c.Codec.DecodeEventMeta(value)
	c.bend(&e)
	return e, err
}

func (c bentCodec) bend(e *engine.Event) {
	switch c.mutation {
	case dedupNotRebuilt:
		e.Meta.CommandID += " forgotten"
	case watermarksIgnored:
		e.Meta.Source = es.Source{}
	case chainForgotten:
		e.Meta.Chain = es.Hash{}
	}
}

func (c bentCodec) AppendSnapshot(dst []byte, s *engine.Snapshot) ([]byte, error) {
	if c.mutation == snapshotAltered {
		bent := *s
		bent.Version++
		s = &bent
	}
	return c.Codec.AppendSnapshot(dst, s)
}

func (c bentCodec) DecodeRefusal(value []byte) (es.Meta, es.Rejection, string, error) {
	meta, r, aggregate, err := c.Codec.DecodeRefusal(value)
	switch c.mutation {
	case dedupNotRebuilt:
		meta.CommandID += " forgotten"
	case watermarksIgnored:
		meta.Source = es.Source{}
	}
	return meta, r, aggregate, err
}

func alter(event any) any {
	if deposited, is := event.(account.FundsDeposited); is {
		deposited.Amount++
		return deposited
	}
	return event
}
