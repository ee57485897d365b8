package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TransactionDecision is how a transaction that hangs was decided, as the log tells that its coordinator keeps.
type TransactionDecision string

// The decisions.
const (
	// DecidedCommit: it was committed, its producer may have been told so, and only the marker is missing. (A coordinator
	// that finds a partition without a leader, as after a restart of the only broker, takes it for deleted, and forgets it.)
	DecidedCommit TransactionDecision = "commit"
	// DecidedAbort: it was aborted, or its coordinator never heard of it: nobody can have committed it.
	DecidedAbort TransactionDecision = "abort"
	// DecidedUnknown: the log does not tell: it can't be read, was compacted, or is of a time when a producer's transactions
	// could not be told apart.
	DecidedUnknown TransactionDecision = "unknown"
)

// coordinatorTopic is where coordinators write down what becomes of each transactional ID, before they act on it.
const coordinatorTopic = "__transaction_state"

// versionDistinct is the first version of the transaction protocol in which each transaction has an epoch of its own.
const versionDistinct = 2

// coordinatorHistory is all that the coordinators' log still has of a transactional ID, oldest first.
type coordinatorHistory []kmsg.TxnMetadataValue

// decide fills in how those that hang were decided. Each ID's history is read once.
func decide(ctx context.Context, cfg Config, found []Transaction) error {
	histories := map[string]coordinatorHistory{}
	var faults []error
	for i := range found {
		t := &found[i]
		if t.Standing != TransactionHangs {
			continue
		}
		t.Decision = DecidedUnknown
		if t.TransactionalID == "" {
			continue
		}
		history, ok := histories[t.TransactionalID]
		if !ok {
			var err error
			if history, err = readHistory(ctx, cfg, t.TransactionalID); err != nil {
				faults = append(faults, fmt.Errorf("reading what was decided of %s: %w", t.TransactionalID, err))
			}
			histories[t.TransactionalID] = history
		}
		t.Decision = history.decisionOf(t)
	}
	return errors.Join(faults...)
}

// readHistory reads an ID's partition of the coordinators' log. A cluster that keeps none has no history.
func readHistory(ctx context.Context, cfg Config, id string) (coordinatorHistory, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	topics, err := admin.ListTopicsWithInternal(ctx, coordinatorTopic)
	topic := topics[coordinatorTopic]
	if err != nil || len(topic.Partitions) == 0 {
		return nil, err
	}
	starts, err := admin.ListStartOffsets(ctx, coordinatorTopic)
	if err = errors.Join(err, starts.Error()); err != nil {
		return nil, err
	}
	at := keptIn(id, len(topic.Partitions))
	start, _ := starts.Lookup(coordinatorTopic, at)
	var history coordinatorHistory
	for offset := start.Offset; ; {
		got, next, err := fetchFrom(ctx, cl, topic, at, offset, fetchAtBytes)
		if err != nil {
			return nil, err
		}
		if next == offset {
			return history, nil
		}
		for _, r := range got.Records {
			if history, err = history.with(r, id); err != nil {
				return nil, fmt.Errorf("%s/%d@%d: %w", coordinatorTopic, at, r.Offset, err)
			}
		}
		offset = next
	}
}

// with appends a record of the log, if it is of the ID.
func (h coordinatorHistory) with(r *kgo.Record, id string) (coordinatorHistory, error) {
	var key kmsg.TxnMetadataKey
	if err := key.ReadFrom(r.Key); err != nil || key.TransactionalID != id {
		return h, err
	}
	if r.Value == nil { // it had expired: what comes later has nothing to do with it
		return nil, nil
	}
	value := kmsg.NewTxnMetadataValue()
	if err := value.ReadFrom(r.Value); err != nil {
		return h, err
	}
	return append(h, value), nil
}

// decisionOf finds how t was decided.
//
// A transaction is written down when it begins and with each partition it comes to, before anything is written there;
// then how it is decided; then, all markers written, that it is complete. So what follows a beginning is its decision. A
// decision to commit counts only where each transaction has an epoch of its own: before that, what hangs may as well be a
// record that came late, after the marker of the one that was committed.
func (h coordinatorHistory) decisionOf(t *Transaction) TransactionDecision {
	var covered, begun, committed bool
	for i := range h {
		r := &h[i]
		// Compaction leaves the newest of what it has been through, and everything after: a history that reaches back to an
		// epoch no later than t's has all that ever became of t.
		covered = covered || r.ProducerID == t.ProducerID && r.ProducerEpoch <= t.ProducerEpoch
		switch r.State {
		case kmsg.TransactionStateOngoing:
			begun = r.ProducerID == t.ProducerID && r.ProducerEpoch == t.ProducerEpoch && includes(r, t)
		case kmsg.TransactionStatePrepareCommit, kmsg.TransactionStateCompleteCommit:
			if begun && r.ClientTransactionVersion >= versionDistinct {
				return DecidedCommit
			}
			committed, begun = committed || begun, false
		case kmsg.TransactionStatePrepareAbort, kmsg.TransactionStateCompleteAbort:
			begun = false
		}
	}
	if !covered || committed || begun { // begun: by the log it runs, and whoever says that it hangs was told something else
		return DecidedUnknown
	}
	return DecidedAbort
}

func includes(r *kmsg.TxnMetadataValue, t *Transaction) bool {
	for _, topic := range r.Topics {
		if topic.Topic != t.Topic {
			continue
		}
		for _, p := range topic.Partitions {
			if p == t.Partition {
				return true
			}
		}
	}
	return false
}
