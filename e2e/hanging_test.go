//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// hangingAfter is how long a transaction must have been without a record to be called a hanging one, if its coordinator
// does not know of it any more. Its own timeout is long over by then.
const hangingAfter = 5 * transactionTimeout

// endHanging does what an operator does about a hanging transaction: one that is open in a partition, and of which its
// coordinator, which alone could end it, knows nothing. A broker that is killed or restarted under load leaves one now and
// then (seen with 4.3.1), and nobody who reads what is committed gets past it. It is aborted; whether that was right, the
// audit says: had the broker committed a part of it, something would be lost or there twice.
func (w *world) endHanging(ctx context.Context) error {
	topics, err := w.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return fmt.Errorf("the topics: %w", err)
	}
	producers, err := w.admin.DescribeProducers(ctx, topics.TopicsSet())
	if err != nil {
		return fmt.Errorf("the producers: %w", err)
	}
	known, err := w.admin.DescribeTransactions(ctx)
	if err != nil {
		return fmt.Errorf("the transactions: %w", err)
	}
	var faults []error
	producers.EachPartition(func(p kadm.DescribedProducersPartition) {
		for _, by := range p.ActiveProducers.Sorted() {
			if by.CurrentTxnStartOffset < 0 || time.Since(time.UnixMilli(by.LastTimestamp)) < hangingAfter || knows(known, by) {
				continue
			}
			w.t.Logf("ending a hanging transaction: %s/%d from offset %d on, of producer %d epoch %d", p.Topic, p.Partition, by.CurrentTxnStartOffset, by.ProducerID, by.ProducerEpoch)
			w.hanging++
			in := kadm.TopicsSet{}
			in.Add(p.Topic, p.Partition)
			done, err := w.admin.WriteTxnMarkers(ctx, kadm.TxnMarkers{ProducerID: by.ProducerID, ProducerEpoch: by.ProducerEpoch, CoordinatorEpoch: by.CoordinatorEpoch, Topics: in})
			faults = append(faults, err)
			done.EachPartition(func(r kadm.TxnMarkersPartitionResponse) { faults = append(faults, r.Err) })
		}
	})
	return errors.Join(faults...)
}

// knows says whether the coordinator of a producer has a transaction under way that the producer's records can be of.
func knows(transactions kadm.DescribedTransactions, by kadm.DescribedProducer) bool {
	for _, t := range transactions {
		_, in := t.Topics[by.Topic][by.Partition]
		if t.ProducerID == by.ProducerID && in {
			return true
		}
	}
	return false
}
