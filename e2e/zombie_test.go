//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/e2e/fleet"
	"recount/internal/kafka"
)

// TestAZombieWritesNothing freezes a worker in the middle of a transaction, for so long that others take its partitions
// over and go on, and then lets it go on too. Nothing of that transaction may ever be seen, though its records are in
// the log.
func TestAZombieWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	zombie := w.worker("zombie", "--batch", "500")
	w.ready(zombie, w.worker("successor", "--batch", "500"))
	f := w.feed(rateUsual)
	w.progress()
	const times = 3
	var interrupted []kadm.DescribedTransaction
	for range times {
		open := w.freezeInTransaction(zombie)
		w.succeeded(slices.Sorted(maps.Keys(open.Topics[eventsTopic])))
		w.must(zombie.Thaw())
		w.eventually("the zombie has noticed", func(ctx context.Context) error {
			aborts, err1 := zombie.Metric(ctx, "recount_aggregator_aborts_total")
			restarts, err2 := zombie.Metric(ctx, "recount_aggregator_restarts_total")
			if err1 != nil || err2 != nil || aborts+restarts <= float64(len(interrupted)) {
				return fmt.Errorf("%v aborts, %v restarts: %v %v", aborts, restarts, err1, err2)
			}
			return nil
		})
		interrupted = append(interrupted, open)
		w.progress()
	}
	f.end()
	w.decided()
	w.settle()
	w.audit()
	w.stores()
	for _, open := range interrupted {
		w.silenced(open)
	}
}

// onItsWay is longer than the broker takes for a request that was sent before the worker was frozen, and well below the
// session timeout.
const onItsWay = time.Second

// freezeInTransaction freezes a worker at a moment when the broker has records of an unfinished transaction of its. What the
// worker has sent before still arrives, and it may be the end of that transaction: so it is looked at twice.
func (w *world) freezeInTransaction(worker *fleet.Member) kadm.DescribedTransaction {
	w.t.Helper()
	id := "recount.bank.aggregator." + worker.Name + ".0"
	var open kadm.DescribedTransaction
	w.eventually("it is frozen in a transaction", func(ctx context.Context) error {
		w.must(worker.Freeze())
		for _, later := range []time.Duration{0, onItsWay} {
			time.Sleep(later)
			found, err := w.admin.DescribeTransactions(ctx, id)
			if err != nil {
				return errors.Join(err, worker.Thaw())
			}
			open = found[id]
			if open.State != "Ongoing" || len(open.Topics[eventsTopic]) == 0 {
				w.must(worker.Thaw())
				time.Sleep(time.Duration(w.random.Int64N(int64(50 * time.Millisecond))))
				return fmt.Errorf("its transaction is %s, in %v", open.State, open.Topics)
			}
		}
		return nil
	})
	return open
}

// succeeded waits until somebody else decides the commands of partitions.
func (w *world) succeeded(numbers []int32) {
	w.t.Helper()
	began := time.Now()
	was, err := w.admin.ListCommittedOffsets(w.t.Context(), eventsTopic)
	w.must(err)
	w.eventually("others have taken over", func(ctx context.Context) error {
		is, err := w.admin.ListCommittedOffsets(ctx, eventsTopic)
		if err != nil {
			return err
		}
		for _, p := range numbers {
			before, _ := was.Lookup(eventsTopic, p)
			if now, _ := is.Lookup(eventsTopic, p); now.Offset < before.Offset+progressMin/partitions {
				return fmt.Errorf("partition %d stands at %d, before it was %d", p, now.Offset, before.Offset)
			}
		}
		return nil
	})
	w.t.Logf("others decide the partitions %v after %v", numbers, time.Since(began).Round(100*time.Millisecond))
}

// silenced checks that a transaction's records are there, and that nobody who reads what is committed sees one.
func (w *world) silenced(open kadm.DescribedTransaction) {
	w.t.Helper()
	var hidden, seen int
	topics := []string{eventsTopic, refusalsTopic, deadLettersTopic, dispatchTopic, snapshotsTopic}
	for _, topic := range topics {
		w.must(w.read(w.t.Context(), topic, func(r *kafka.Record) {
			if r.ProducerID == open.ProducerID && r.ProducerEpoch == open.ProducerEpoch {
				seen++
			}
		}))
	}
	client := w.client(kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for quiet := 0; quiet < 3; {
		ctx, cancel := context.WithTimeout(w.t.Context(), time.Second)
		fetches := client.PollFetches(ctx)
		cancel()
		if fetches.NumRecords() == 0 {
			quiet++
		}
		hidden += len(slices.DeleteFunc(fetches.Records(), func(r *kgo.Record) bool {
			return r.ProducerID != open.ProducerID || r.ProducerEpoch != open.ProducerEpoch
		}))
	}
	w.t.Logf("the transaction of producer %d epoch %d left %d records, of which %d can be seen", open.ProducerID, open.ProducerEpoch, hidden, seen)
	if seen > 0 || hidden == 0 {
		w.t.Errorf("want some records, and none that can be seen")
	}
}
