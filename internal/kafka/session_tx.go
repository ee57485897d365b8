package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Tx is one transaction of a session: begun, written to, and ended by Commit or Abort.
//
// It is ended though the context it was begun with is cancelled, but not after that one's deadline. After an error of
// any of its methods the session is of no more use.
type Tx struct {
	s          *Session
	ctx        context.Context
	cancel     context.CancelFunc
	generation int32 // of the group, when it began
	failed     atomic.Pointer[error]
	sent       func(*Record, error) // the same for every record: a closure each would be an allocation each
}

// Begin begins a transaction. The session has one at a time.
func (s *Session) Begin(ctx context.Context) (*Tx, error) {
	patience := 2 * s.cfg.TransactionTimeout
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline))
	}
	t := &Tx{s: s}
	_, t.generation = s.session.Client().GroupMetadata()
	t.ctx, t.cancel = context.WithTimeout(context.WithoutCancel(ctx), patience)
	t.sent = func(_ *Record, err error) {
		if err != nil {
			t.fail(err)
		}
	}
	if err := s.begin(t.ctx); err != nil {
		t.cancel()
		s.aborted = s.causeOf(t.generation, err, nil)
		return nil, fmt.Errorf("kafka: beginning a transaction: %w", err)
	}
	return t, nil
}

// begin also tells the guard whose transaction it is: a producer whose epochs are used up gets another ID.
func (s *Session) begin(ctx context.Context) error {
	if err := s.session.Begin(); err != nil {
		return err
	}
	producer, _, err := s.session.Client().ProducerID(ctx)
	if err != nil {
		return err
	}
	s.guard.arm(producer)
	return nil
}

// fail notes a record's error, the first of all. It is apart from its caller, who would else allocate for every record
// that did not fail.
func (t *Tx) fail(err error) { t.failed.CompareAndSwap(nil, &err) }

// Write sends records on their way. It may be called from several goroutines; each one's records stay in their order.
// They are the client's until the transaction has ended.
func (t *Tx) Write(records []*Record) {
	for _, r := range records {
		t.s.session.Produce(t.ctx, r, t.sent)
	}
}

// Commit ends the transaction, with the session's place in it. positions are the places of inputs of which this poll had
// no record: they are committed too, because a partition that is written without its offsets is not fenced.
//
// Unless committed is true the outcome is unknown, error or not: the records may be there. AbortCause says why.
func (t *Tx) Commit(positions []Position) (committed bool, err error) {
	defer func() {
		if t.cancel(); !committed {
			t.s.aborted = t.s.causeOf(t.generation, err, t.failed.Load())
		}
	}()
	if err := t.s.session.Client().Flush(t.ctx); err != nil {
		return false, fmt.Errorf("kafka: writing a transaction: %w", err)
	}
	try := kgo.TryCommit
	if t.failed.Load() != nil {
		try = kgo.TryAbort
	}
	committed, err = t.s.session.End(kgo.PreTxnCommitFnContext(t.ctx, func(req *kmsg.TxnOffsetCommitRequest) error {
		if req.MemberID != t.s.member { // what was decided is of a membership that has ended: see Changes
			return errAnotherMember
		}
		raisePositions(req, positions)
		return nil
	}), try)
	if cause := t.failed.Load(); err == nil && cause != nil && !retriable(*cause) {
		err = *cause
	}
	if err != nil {
		return false, fmt.Errorf("kafka: ending a transaction: %w", err)
	}
	return committed, nil
}

// Abort ends the transaction as if it had never been. What was polled for it is read again.
func (t *Tx) Abort() error {
	defer t.cancel()
	if _, err := t.s.session.End(t.ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("kafka: aborting a transaction: %w", err)
	}
	return nil
}

// retriable reports whether a record's failure goes away with its transaction: the batch is decided again.
func retriable(err error) bool {
	return errors.Is(err, kgo.ErrAborting) || errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kgo.ErrRecordRetries) || IsTimeout(err)
}

// errAnotherMember says that the group has dropped this member, and that the client has joined as another since.
var errAnotherMember = errors.New("the group had dropped this member: others may have had its partitions since")

// raisePositions completes req by those positions that it does not have, or lower: the client counts what it polled, and
// some of that may have been decided before.
func raisePositions(req *kmsg.TxnOffsetCommitRequest, positions []Position) {
	for _, p := range positions {
		part := partitionOf(topicOf(req, p.Topic), p.Partition)
		part.Offset = max(part.Offset, p.Next)
	}
}

func topicOf(req *kmsg.TxnOffsetCommitRequest, name string) *kmsg.TxnOffsetCommitRequestTopic {
	for i := range req.Topics {
		if req.Topics[i].Topic == name {
			return &req.Topics[i]
		}
	}
	t := kmsg.NewTxnOffsetCommitRequestTopic()
	t.Topic = name
	req.Topics = append(req.Topics, t)
	return &req.Topics[len(req.Topics)-1]
}

func partitionOf(t *kmsg.TxnOffsetCommitRequestTopic, number int32) *kmsg.TxnOffsetCommitRequestTopicPartition {
	for i := range t.Partitions {
		if t.Partitions[i].Partition == number {
			return &t.Partitions[i]
		}
	}
	part := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	part.Partition = number
	t.Partitions = append(t.Partitions, part)
	return &t.Partitions[len(t.Partitions)-1]
}
