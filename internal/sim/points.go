package sim

import (
	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

// point is a place in a worker's course at which it can be killed. The crash table in ARCHITECTURE.md says for each, under
// this name, what is lost there and how it heals.
type point string

const (
	nowhere       point = ""
	registering   point = "it takes its transactional ID"
	joining       point = "it joins the group"
	offsetsKnown  point = "it knows the stable offsets, no watermark yet"
	watermarks    point = "it knows the watermarks"
	restoring     point = "it loads snapshots"
	folding       point = "it folds"
	takenOver     point = "it has taken over, and reads nothing yet"
	polled        point = "it has polled"
	deciding      point = "it decides"
	checkpointing point = "it completes a checkpoint"
	sending       point = "it sends records"
	sent          point = "its records are written, and it has not heard so"
	placing       point = "it sends its offsets"
	placed        point = "its offsets are taken, and it has not heard so"
	ending        point = "it ends the transaction"
	ended         point = "the transaction has ended, and it has not heard so"
	replying      point = "it has committed, and answers"
	committed     point = "it has committed and answered, its store is behind"
	writing       point = "it is about to write its store"
	written       point = "it has written its store"
	passingOn     point = "it passes a partition on"
	leaving       point = "it leaves the group"
)

// points are all of them, in a worker's course.
func points() []point {
	return []point{
		registering, joining, offsetsKnown, watermarks, restoring, folding, takenOver, polled, deciding, checkpointing, sending, sent,
		placing, placed, ending, ended, replying, committed, writing, written, passingOn, leaving,
	}
}

// API keys of the requests that mark a point.
const (
	keyProduce         = 0
	keyFetch           = 1
	keyListOffsets     = 2
	keyOffsetFetch     = 9
	keyJoinGroup       = 11
	keyHeartbeat       = 12
	keyLeaveGroup      = 13
	keyInitProducerID  = 22
	keyEndTxn          = 26
	keyTxnOffsetCommit = 28
)

// pointOf is where a worker stands when a request leaves it, or an answer comes.
func pointOf(p passage) point {
	switch {
	case p.key == keyInitProducerID && !p.answer:
		return registering
	case p.key == keyJoinGroup && !p.answer:
		return joining
	case p.key == keyOffsetFetch && p.answer:
		return offsetsKnown
	case p.key == keyListOffsets && p.answer:
		return watermarks
	case p.key == keyProduce:
		return either(p.answer, sent, sending)
	case p.key == keyTxnOffsetCommit:
		return either(p.answer, placed, placing)
	case p.key == keyEndTxn:
		return either(p.answer, ended, ending)
	case p.key == keyLeaveGroup && !p.answer:
		return leaving
	}
	return nowhere
}

func either[T any](first bool, one, other T) T {
	if first {
		return one
	}
	return other
}

// The worker's own interfaces say where it is, too.

// watchedCodec tells of steps, folds, restores and checkpoints by what they alone read or write.
type watchedCodec struct {
	engine.Codec
	at func(point)
}

func (c watchedCodec) DecodeCommand(value []byte) (engine.Command, error) {
	c.at(deciding)
	cmd, err := c.Codec.DecodeCommand(value)
	if err == nil {
		cmd.Aggregate = mined{cmd.Aggregate}
	}
	return cmd, err
}

func (c watchedCodec) DecodeEvent(value []byte) (engine.Event, error) {
	c.at(folding)
	return c.Codec.DecodeEvent(value)
}

func (c watchedCodec) DecodeEventMeta(value []byte) (engine.Event, error) {
	c.at(folding)
	return c.Codec.DecodeEventMeta(value)
}

func (c watchedCodec) DecodeSnapshot(value []byte) (engine.Snapshot, error) {
	c.at(restoring)
	return c.Codec.DecodeSnapshot(value)
}

func (c watchedCodec) AppendMarker(dst []byte, m *engine.Marker) ([]byte, error) {
	c.at(checkpointing)
	return c.Codec.AppendMarker(dst, m)
}

// mined is an aggregate that blows up when it is asked for something that was made to break.
type mined struct{ es.AggregateType }

func (m mined) Decide(state, command any, into []any) ([]any, error) {
	if isMine(command) {
		panic("sim: this command was made to break")
	}
	return m.AggregateType.Decide(state, command, into)
}

// watchedRoot tells of writes and of partitions passed on.
type watchedRoot struct {
	statestore.Root
	at func(point)
}

func (r watchedRoot) Open(name string) (statestore.Store, error) {
	s, err := r.Root.Open(name)
	if err != nil {
		return nil, err
	}
	return watchedStore{s, r.at}, nil
}

type watchedStore struct {
	statestore.Store
	at func(point)
}

func (s watchedStore) Apply(b *statestore.Batch) error {
	s.at(writing)
	err := s.Store.Apply(b)
	s.at(written)
	return err
}

func (s watchedStore) Close() error {
	s.at(passingOn)
	return s.Store.Close()
}

// mine is the reference of a deposit that was made to break its decision.
const mine = "mine"

func isMine(command any) bool {
	deposit, is := command.(account.Deposit)
	return is && deposit.Reference == mine
}
