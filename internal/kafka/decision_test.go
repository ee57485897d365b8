package kafka

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// told is one record of a coordinator's log about producer 7.
func told(state kmsg.TransactionState, epoch, version int16, partitions ...int32) kmsg.TxnMetadataValue {
	v := kmsg.NewTxnMetadataValue()
	v.Version, v.ProducerID, v.ProducerEpoch, v.State, v.ClientTransactionVersion = 1, 7, epoch, state, version
	if len(partitions) > 0 {
		topic := kmsg.NewTxnMetadataValueTopic()
		topic.Topic, topic.Partitions = ledger, partitions
		v.Topics = append(v.Topics, topic)
	}
	return v
}

// The histories are of a producer whose transactions have an epoch each (version 2), or share one (version 1). What hangs
// is in partition 3, of epoch 5.
func TestHowAHangingTransactionWasDecided(t *testing.T) {
	t.Parallel()
	const (
		empty, ongoing   = kmsg.TransactionStateEmpty, kmsg.TransactionStateOngoing
		commits, commit  = kmsg.TransactionStatePrepareCommit, kmsg.TransactionStateCompleteCommit
		aborts, abort    = kmsg.TransactionStatePrepareAbort, kmsg.TransactionStateCompleteAbort
		distinct, shared = 2, 1
	)
	for name, c := range map[string]struct {
		history coordinatorHistory
		want    TransactionDecision
	}{
		"it was committed": {coordinatorHistory{told(commit, 5, distinct), told(ongoing, 5, distinct, 1), told(ongoing, 5, distinct, 1, 3),
			told(commits, 6, distinct, 1, 3), told(commit, 6, distinct), told(ongoing, 6, distinct, 3), told(aborts, 7, distinct, 3)}, DecidedCommit},
		"it was aborted": {coordinatorHistory{told(ongoing, 5, distinct, 3), told(aborts, 6, distinct, 3), told(abort, 6, distinct),
			told(ongoing, 6, distinct, 3), told(commits, 7, distinct, 3)}, DecidedAbort},
		"it never came to this partition":                       {coordinatorHistory{told(ongoing, 5, distinct, 1), told(commits, 6, distinct, 1), told(commit, 6, distinct)}, DecidedAbort},
		"it was never begun":                                    {coordinatorHistory{told(empty, 5, distinct)}, DecidedAbort},
		"how it was decided is all that compaction has left":    {coordinatorHistory{told(commit, 6, distinct), told(ongoing, 6, distinct, 3)}, DecidedUnknown},
		"nothing is left":                                       {nil, DecidedUnknown},
		"it is another producer's":                              {coordinatorHistory{{ProducerID: 8, State: empty}}, DecidedUnknown},
		"by the log it runs":                                    {coordinatorHistory{told(ongoing, 5, distinct, 3)}, DecidedUnknown},
		"one of its epoch was committed, it may be another":     {coordinatorHistory{told(ongoing, 5, shared, 3), told(commits, 5, shared, 3), told(commit, 5, shared)}, DecidedUnknown},
		"of its epoch one was committed and the next aborted":   {coordinatorHistory{told(ongoing, 5, shared, 3), told(commits, 5, shared, 3), told(ongoing, 5, shared, 3), told(aborts, 5, shared, 3)}, DecidedUnknown},
		"all of its epoch that came to here were aborted":       {coordinatorHistory{told(ongoing, 5, shared, 3), told(aborts, 5, shared, 3), told(ongoing, 5, shared, 1), told(commits, 5, shared, 1)}, DecidedAbort},
		"what was decided is left of what compaction went over": {coordinatorHistory{told(empty, 4, distinct), told(ongoing, 5, distinct, 3), told(commit, 6, distinct)}, DecidedCommit},
	} {
		hangs := Transaction{Topic: ledger, Partition: 3, ProducerID: 7, ProducerEpoch: 5}
		if got := c.history.decisionOf(&hangs); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestAHistoryIsOfOneTransactionalID(t *testing.T) {
	t.Parallel()
	value := told(kmsg.TransactionStateEmpty, 0, 2)
	mine, other := kmsg.TxnMetadataKey{TransactionalID: "mine"}, kmsg.TxnMetadataKey{TransactionalID: "another's"}
	var h coordinatorHistory
	for _, step := range []struct {
		key   kmsg.TxnMetadataKey
		value []byte
		want  int
	}{{mine, value.AppendTo(nil), 1}, {other, value.AppendTo(nil), 1}, {mine, value.AppendTo(nil), 2}, {other, nil, 2}, {mine, nil, 0}} {
		var err error
		if h, err = h.with(&kgo.Record{Key: step.key.AppendTo(nil), Value: step.value}, "mine"); err != nil || len(h) != step.want {
			t.Fatalf("%+v: %d records, want %d: %v", step.key, len(h), step.want, err)
		}
	}
	if _, err := h.with(&kgo.Record{Key: mine.AppendTo(nil), Value: []byte{0, 9}}, "mine"); err == nil {
		t.Error("a record that can't be read is no history")
	}
}
