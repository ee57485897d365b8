//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// hangingAfter is how long a transaction must have been without a record to be called a hanging one, if its coordinator
// does not know of it any more. Its own timeout is long over by then.
const hangingAfter = 5 * transactionTimeout

// endHanging does what an operator does about a hanging transaction: one that is open in a partition, and of which its
// coordinator, which alone could end it, knows nothing. A broker that is killed or restarted under load leaves one now and
// then (seen with 4.3.1), and nobody who reads what is committed gets past it. recount status must name it, and it is
// ended as aggregator end-transaction ends it; whether that was right, the audit says: had a part of it been committed,
// and another not, something would be lost or there twice.
func (w *world) endHanging(ctx context.Context) error {
	hanging, err := w.hanging(ctx)
	if err != nil || len(hanging) == 0 {
		return err
	}
	named, err := w.named(ctx)
	if err != nil {
		return err
	}
	for _, h := range hanging {
		place := fmt.Sprintf("%s/%d", h.Topic, h.Partition)
		decision, is := named[place][h.ProducerID]
		if !is {
			w.t.Errorf("recount status does not name the transaction of producer %d that hangs in %s", h.ProducerID, place)
		}
		w.t.Logf("ending a hanging transaction: %s from offset %d on, of producer %d epoch %d: %s", place, h.CurrentTxnStartOffset, h.ProducerID, h.ProducerEpoch, decision)
		w.counts.Hanging++
		_, err := w.fleet.Ask(ctx, "aggregator", "end-transaction", "--kafka", w.broker.Addr(), "--topic", h.Topic,
			"--partition", strconv.Itoa(int(h.Partition)), "--producer-id", strconv.FormatInt(h.ProducerID, 10), "--yes")
		if err != nil {
			return err
		}
	}
	return nil
}

// hanging looks for them by other means than Recount's.
func (w *world) hanging(ctx context.Context) (found []kadm.DescribedProducer, err error) {
	topics, err := w.admin.ListTopicsWithInternal(ctx)
	if err != nil {
		return nil, fmt.Errorf("the topics: %w", err)
	}
	producers, err := w.admin.DescribeProducers(ctx, topics.TopicsSet())
	if err != nil {
		return nil, fmt.Errorf("the producers: %w", err)
	}
	known, err := w.admin.DescribeTransactions(ctx)
	if err != nil {
		return nil, fmt.Errorf("the transactions: %w", err)
	}
	producers.EachPartition(func(p kadm.DescribedProducersPartition) {
		for _, by := range p.ActiveProducers.Sorted() {
			if by.CurrentTxnStartOffset >= 0 && time.Since(time.UnixMilli(by.LastTimestamp)) > hangingAfter && !knows(known, by) {
				found = append(found, by)
			}
		}
	})
	return found, nil
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

// named are the hanging transactions that recount status tells of, by partition and producer, with how they were decided.
func (w *world) named(ctx context.Context) (map[string]map[int64]string, error) {
	// Its exit code says that something needs somebody. That something does is known.
	out, exit := w.fleet.Ask(ctx, "recount", "status", "--json", "--older-than", "0s",
		"--kafka", w.broker.Addr(), "--registry", w.fleet.Registry, "--clickhouse", w.fleet.ClickHouse)
	var report struct {
		Transactions []struct {
			Topic      string
			Partition  int32
			ProducerID int64 `json:"producer_id"`
			Standing   string
			Decision   string
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("recount status: %w: %w", err, exit)
	}
	found := map[string]map[int64]string{}
	for _, t := range report.Transactions {
		place := fmt.Sprintf("%s/%d", t.Topic, t.Partition)
		if found[place] == nil {
			found[place] = map[int64]string{}
		}
		if t.Standing == "hangs" {
			found[place][t.ProducerID] = t.Decision
		}
	}
	return found, nil
}
