//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"recount/internal/worker/aggregator"
)

// diagnosis says, of a test that has failed, where the group stands and which transactions hang.
func (w *world) diagnosis() string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), 10*time.Second)
	defer cancel()
	var b strings.Builder
	told := func(what string, err error) {
		if err != nil {
			fmt.Fprintf(&b, "%s: %v\n", what, err)
		}
	}
	group := aggregator.Group("bank")
	lags, err := w.admin.Lag(ctx, group)
	told("the group's lag", err)
	for _, l := range lags[group].Lag.Sorted() {
		if l.Lag > 0 {
			fmt.Fprintf(&b, "%s/%d stands at %d, %d behind\n", l.Topic, l.Partition, l.Commit.At, l.Lag)
		}
	}
	transactions, err := w.admin.DescribeTransactions(ctx)
	told("the transactions", err)
	for _, t := range transactions.Sorted() {
		fmt.Fprintf(&b, "transaction %s: %s, producer %d epoch %d, began %d, in %v\n", t.TxnID, t.State, t.ProducerID, t.ProducerEpoch, t.StartTimestamp, t.Topics)
	}
	topics, err := w.admin.ListTopicsWithInternal(ctx)
	told("the topics", err)
	producers, err := w.admin.DescribeProducers(ctx, topics.TopicsSet())
	told("the producers", err)
	producers.EachPartition(func(p kadm.DescribedProducersPartition) {
		for _, each := range p.ActiveProducers.Sorted() {
			if each.CurrentTxnStartOffset >= 0 {
				fmt.Fprintf(&b, "%s/%d: producer %d epoch %d has an open transaction from offset %d on, written last at %d\n",
					p.Topic, p.Partition, each.ProducerID, each.ProducerEpoch, each.CurrentTxnStartOffset, each.LastTimestamp)
			}
		}
	})
	return b.String()
}
