package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Why a transaction is not ended.
var (
	// ErrNoTransaction says that the producer has no open transaction in the partition: it has ended meanwhile.
	ErrNoTransaction = errors.New("no open transaction")
	// ErrTransactionRuns says that the coordinator still runs it, and whoever began it may be at work.
	ErrTransactionRuns = errors.New("its coordinator still runs it, and ends it at its timeout: end it only if its worker is dead (--force)")
	// ErrTransactionEnds says that the coordinator has decided how it ends. Nobody may decide otherwise.
	ErrTransactionEnds = errors.New("its coordinator has decided how it ends, and its markers are on their way: wait")
	// ErrDecisionUnknown says that it hangs, and that the coordinators' log does not tell how it was decided.
	ErrDecisionUnknown = errors.New("the coordinators' log does not tell whether it was committed: ask its producer's owner, and end it as an abort only if it was not (--force)")
	// ErrTransactionUnclear says that its coordinator could not be asked.
	ErrTransactionUnclear = errors.New("its coordinator does not answer, and might run it: bring that broker back first")
)

// OpenTransaction finds the transaction that a producer has open in a partition, whatever its age. ErrNoTransaction: it
// has none.
func OpenTransaction(ctx context.Context, cfg Config, topic string, partition int32, producer int64) (Transaction, error) {
	var found Transaction
	err := administer(cfg, func(admin *kadm.Client) (err error) {
		found, err = openTransaction(ctx, admin, topic, partition, producer)
		return err
	})
	if err != nil {
		return Transaction{}, err
	}
	one := []Transaction{found}
	err = decide(ctx, cfg, one)
	return one[0], err
}

func openTransaction(ctx context.Context, admin *kadm.Client, topic string, partition int32, producer int64) (Transaction, error) {
	var set kadm.TopicsSet
	set.Add(topic, partition)
	open, err := TransactionSearch{Producers: []int64{producer}, Now: time.Now()}.openTransactions(ctx, admin, set)
	if len(open) > 0 {
		return open[0], nil // a part of the cluster that did not answer made it unclear, if it was needed
	}
	if err != nil {
		return Transaction{}, err
	}
	return Transaction{}, fmt.Errorf("%s/%d, producer %d: %w", topic, partition, producer, ErrNoTransaction)
}

// EndTransaction ends t, after asking once more where it stands.
//
// One that hangs gets the marker in its partition that it lacks: of a commit where it was committed, for its producer may
// have been told so and its other partitions have theirs; of an abort where nobody can have committed it. Where that is
// not known, force ends it as an abort. One that runs is left alone unless force says so; even then no marker of ours goes
// into its partition, for its coordinator could still commit the others, and half of it would count. The coordinator
// itself is made to abort it, everywhere at once: its transactional ID is taken over, which fences whoever has it.
func EndTransaction(ctx context.Context, cfg Config, t Transaction, force bool) error {
	now, err := OpenTransaction(ctx, cfg, t.Topic, t.Partition, t.ProducerID)
	if err != nil {
		return err
	}
	if now.identity() != t.identity() {
		return fmt.Errorf("%s/%d, producer %d, start %d: %w: the producer has begun another since", t.Topic, t.Partition, t.ProducerID, t.StartOffset, ErrNoTransaction)
	}
	switch now.Standing {
	case TransactionHangs:
		err = ErrDecisionUnknown
		if now.Decision != DecidedUnknown || force {
			err = writeMarker(ctx, cfg, now)
		}
	case TransactionRuns:
		err = ErrTransactionRuns
		if force {
			err = takeTransactionalID(ctx, cfg, now.TransactionalID)
		}
	case TransactionEnds:
		err = ErrTransactionEnds
	default:
		err = ErrTransactionUnclear
	}
	if err == nil {
		err = awaitEnded(ctx, cfg, now)
	}
	if err != nil {
		return fmt.Errorf("the transaction of producer %d in %s/%d: %w", t.ProducerID, t.Topic, t.Partition, err)
	}
	return nil
}

// writeMarker ends t in its partition, as it was decided; as an abort where that is not known.
func writeMarker(ctx context.Context, cfg Config, t Transaction) error {
	var set kadm.TopicsSet
	set.Add(t.Topic, t.Partition)
	return administer(cfg, func(admin *kadm.Client) error {
		answers, err := admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{
			ProducerID: t.ProducerID, ProducerEpoch: t.ProducerEpoch, Commit: t.Decision == DecidedCommit,
			CoordinatorEpoch: max(t.CoordinatorEpoch, 0), // -1: no coordinator has written a marker yet, so any may
			Topics:           set,
		})
		answered := false
		answers.EachPartition(func(p kadm.TxnMarkersPartitionResponse) {
			answered, err = true, errors.Join(err, p.Err)
		})
		if err == nil && !answered {
			err = errors.New("the broker did not answer for the partition")
		}
		if err != nil {
			return fmt.Errorf("writing its marker: %w", err)
		}
		return nil
	})
}

// takeTransactionalID has the coordinator end whatever runs under an ID, as a worker does that comes back.
func takeTransactionalID(ctx context.Context, cfg Config, id string) error {
	cl, err := kgo.NewClient(append(cfg.options(), kgo.TransactionalID(id))...)
	if err != nil {
		return err
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil {
		return fmt.Errorf("taking transactional ID %s: %w", id, err)
	}
	return nil
}

// awaitEnded waits until the partition's last stable offset has left the transaction's start, or the partition does not
// list it any more.
func awaitEnded(ctx context.Context, cfg Config, t Transaction) error {
	var set kadm.TopicsSet
	set.Add(t.Topic, t.Partition)
	return administer(cfg, func(admin *kadm.Client) error {
		for {
			stable, err := admin.ListCommittedOffsets(ctx, t.Topic)
			at, ok := stable.Lookup(t.Topic, t.Partition)
			if ok && at.Err == nil && at.Offset > t.StartOffset {
				return nil
			}
			open, again := openIn(ctx, admin, set)
			if again == nil && !listed(open, t) {
				return nil
			}
			if err = errors.Join(err, again); err != nil && !kerr.IsRetriable(err) {
				return err
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("its marker has not shown yet: %w", ctx.Err())
			case <-time.After(settlePoll):
			}
		}
	})
}

func listed(open []*Transaction, t Transaction) bool {
	for _, o := range open {
		if o.identity() == t.identity() {
			return true
		}
	}
	return false
}
