package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf16"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// TransactionStanding is what an open transaction is to its coordinator: who may end it, and how, follows from it.
type TransactionStanding string

// The standings.
const (
	// TransactionRuns: the coordinator knows it and will end it, at its timeout at the latest.
	TransactionRuns TransactionStanding = "runs"
	// TransactionEnds: the coordinator has decided how it ends, and the markers are on their way.
	TransactionEnds TransactionStanding = "ends"
	// TransactionHangs: the coordinator does not know it. Nobody will ever end it, and readers of committed records wait at
	// its start for good.
	TransactionHangs TransactionStanding = "hangs"
	// TransactionUnclear: the coordinator could not be asked.
	TransactionUnclear TransactionStanding = "unclear"
)

// Transaction is one open in a partition: it has written there, and its marker has not come.
type Transaction struct {
	Topic            string
	Partition        int32
	ProducerID       int64
	ProducerEpoch    int16
	CoordinatorEpoch int32 // of the last marker in the partition; -1: none yet
	// TransactionalID is empty where no coordinator knows the producer.
	TransactionalID string
	// StartOffset is that of its first record in the partition.
	StartOffset int64
	// LastWrite is when it last wrote to the partition, by the producer's clock; Started when it began, by the
	// coordinator's, zero where that does not know it.
	LastWrite, Started time.Time
	Standing           TransactionStanding
	// Decision says, of one that hangs, how it must end; empty for others.
	Decision TransactionDecision
	// State is the coordinator's word for what the producer is doing: Ongoing, PrepareAbort, Empty …; empty: not known.
	State string
	// HoldsStable says that the partition's last stable offset stands at its start.
	HoldsStable bool
}

// Age is for how long it has been open, as far as that is known.
func (t Transaction) Age(now time.Time) time.Duration {
	began := t.LastWrite
	if !t.Started.IsZero() {
		began = t.Started
	}
	return max(now.Sub(began), 0)
}

// TransactionSearch says where to look for open transactions, and for which.
type TransactionSearch struct {
	// Topics are looked through whole; one that does not exist has none.
	Topics []string
	// Groups are consumer groups whose offsets may be part of a transaction. While one is open, nobody gets those offsets.
	Groups []string
	// Producers are those whose transactions are of interest; nil: everybody's.
	Producers []int64
	// OlderThan is the age from which on, at Now, one is of interest.
	OlderThan time.Duration
	Now       time.Time
}

// OpenTransactions returns those that s is for, by topic, partition and start. What was found comes with the error
// where a part of the cluster did not answer.
func OpenTransactions(ctx context.Context, cfg Config, s TransactionSearch) (found []Transaction, err error) {
	err = administer(cfg, func(admin *kadm.Client) error {
		set, partErr := s.partitions(ctx, admin)
		if len(set) == 0 { // of no topic at all the client would ask for every one there is
			return partErr
		}
		found, err = s.openTransactions(ctx, admin, set)
		return errors.Join(partErr, err)
	})
	return found, errors.Join(err, decide(ctx, cfg, found))
}

// offsetsTopic is where brokers keep the offsets of groups.
const offsetsTopic = "__consumer_offsets"

// partitions are those of the topics that exist, and those that hold the groups' offsets. Those that could be found come
// with the error.
func (s TransactionSearch) partitions(ctx context.Context, admin *kadm.Client) (kadm.TopicsSet, error) {
	all, err := admin.ListTopicsWithInternal(ctx, append(slices.Clone(s.Topics), offsetsTopic)...)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	set := kadm.TopicsSet{}
	var faults []error
	for _, t := range all {
		if t.Err != nil && !errors.Is(t.Err, kerr.UnknownTopicOrPartition) {
			faults = append(faults, fmt.Errorf("finding the partitions of %s: %w", t.Topic, t.Err))
		}
	}
	for _, name := range s.Topics {
		if t := all[name]; t.Err == nil && len(t.Partitions) > 0 {
			set.Add(name, t.Partitions.Numbers()...)
		}
	}
	if n := len(all[offsetsTopic].Partitions); n > 0 {
		for _, g := range s.Groups {
			set.Add(offsetsTopic, keptIn(g, n))
		}
	}
	return set, errors.Join(faults...)
}

// keptIn is the one of so many partitions in which brokers keep what they know of a group or a transactional ID: by the
// absolute value of the hash that Java gives a string, whose letters are taken for UTF-16.
func keptIn(name string, partitions int) int32 {
	var hash int32
	for _, unit := range utf16.Encode([]rune(name)) {
		hash = 31*hash + int32(unit)
	}
	switch {
	case hash == math.MinInt32: // it has no absolute value; brokers take 0
		hash = 0
	case hash < 0:
		hash = -hash
	}
	return hash % int32(partitions)
}

// openTransactions asks in an order that makes an honest "hangs":
//
//  1. the leaders, what is open;
//  2. the coordinators, what they know of those producers;
//  3. the leaders again, where a coordinator knew nothing. What it had just ended was open at 1, and is not any more: a
//     coordinator forgets a transaction only after all its markers are written. What is open still hangs.
func (s TransactionSearch) openTransactions(ctx context.Context, admin *kadm.Client, set kadm.TopicsSet) ([]Transaction, error) {
	open, err := openIn(ctx, admin, set)
	open = slices.DeleteFunc(open, func(t *Transaction) bool { return s.Producers != nil && !slices.Contains(s.Producers, t.ProducerID) })
	if len(open) == 0 {
		return nil, err
	}
	stable, stableErr := admin.ListCommittedOffsets(ctx, set.Topics()...)
	askErr := askCoordinators(ctx, admin, open)
	again, againErr := openIn(ctx, admin, set)
	still := map[Transaction]bool{}
	for _, t := range again {
		still[t.identity()] = true
	}
	out := make([]Transaction, 0, len(open))
	for _, t := range open {
		switch {
		case t.Age(s.Now) < s.OlderThan, t.Standing == TransactionHangs && againErr == nil && !still[t.identity()]:
			continue
		case t.Standing == TransactionHangs && againErr != nil:
			t.Standing = TransactionUnclear
		}
		at, ok := stable.Lookup(t.Topic, t.Partition)
		t.HoldsStable = ok && at.Err == nil && at.Offset == t.StartOffset
		out = append(out, *t)
	}
	slices.SortFunc(out, func(a, b Transaction) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.StartOffset, b.StartOffset))
	})
	return out, errors.Join(err, stableErr, askErr, againErr)
}

// identity is what distinguishes one transaction of a producer in a partition from its next.
func (t Transaction) identity() Transaction {
	return Transaction{Topic: t.Topic, Partition: t.Partition, ProducerID: t.ProducerID, ProducerEpoch: t.ProducerEpoch, StartOffset: t.StartOffset}
}

// openIn asks the leaders.
func openIn(ctx context.Context, admin *kadm.Client, set kadm.TopicsSet) ([]*Transaction, error) {
	found, err := admin.DescribeProducers(ctx, set)
	if err != nil {
		err = fmt.Errorf("asking partitions for their open transactions: %w", err)
	}
	var out []*Transaction
	faults := []error{err}
	found.EachPartition(func(p kadm.DescribedProducersPartition) {
		if p.Err != nil {
			faults = append(faults, fmt.Errorf("asking %s/%d for its open transactions: %w", p.Topic, p.Partition, p.Err))
		}
		for _, d := range p.ActiveProducers {
			if d.CurrentTxnStartOffset < 0 {
				continue // it has written there, and nothing of it is open
			}
			out = append(out, &Transaction{
				Topic: d.Topic, Partition: d.Partition, ProducerID: d.ProducerID, ProducerEpoch: d.ProducerEpoch,
				CoordinatorEpoch: d.CoordinatorEpoch, StartOffset: d.CurrentTxnStartOffset, LastWrite: time.UnixMilli(d.LastTimestamp),
			})
		}
	})
	return out, errors.Join(faults...)
}

// askCoordinators fills in what the coordinators know of the transactions. One that none knows seems to hang; where not
// all could be asked, it is unclear.
func askCoordinators(ctx context.Context, admin *kadm.Client, open []*Transaction) error {
	producers := map[int64]bool{}
	for _, t := range open {
		producers[t.ProducerID] = true
	}
	listed, listErr := admin.ListTransactions(ctx, slices.Sorted(maps.Keys(producers)), nil)
	known := kadm.DescribedTransactions{}
	var descErr error
	if ids := listed.TransactionalIDs(); len(ids) > 0 { // the client would describe all there are
		known, descErr = admin.DescribeTransactions(ctx, ids...)
	}
	byProducer := map[int64]kadm.DescribedTransaction{}
	for _, l := range listed {
		d, ok := known[l.TxnID]
		if !ok {
			d = kadm.DescribedTransaction{TxnID: l.TxnID, Err: errors.New("its coordinator did not answer")}
		}
		byProducer[l.ProducerID] = d
	}
	for _, t := range open {
		d, ok := byProducer[t.ProducerID]
		t.judge(d, ok, listErr == nil)
	}
	if err := errors.Join(listErr, descErr); err != nil {
		return fmt.Errorf("asking the coordinators for their transactions: %w", err)
	}
	return nil
}

// judge says where t stands, by what its coordinator told: d, if it is known at all. complete says that all have
// answered.
func (t *Transaction) judge(d kadm.DescribedTransaction, known, complete bool) {
	gone := errors.Is(d.Err, kerr.TransactionalIDNotFound) // it expired between the two questions
	switch {
	case known && d.Err != nil && !gone:
		t.TransactionalID, t.Standing = d.TxnID, TransactionUnclear
		return
	case !known && !complete:
		t.Standing = TransactionUnclear
		return
	case !known || gone:
		t.Standing = TransactionHangs
		return
	}
	t.TransactionalID, t.State = d.TxnID, d.State
	if !d.Topics.Lookup(t.Topic, t.Partition) { // it has ended the one of this partition, or never heard of it
		t.Standing = TransactionHangs
		return
	}
	if d.StartTimestamp > 0 {
		t.Started = time.UnixMilli(d.StartTimestamp)
	}
	switch d.State {
	case "Ongoing":
		t.Standing = TransactionRuns
	case "PrepareCommit", "PrepareAbort", "PrepareEpochFence":
		t.Standing = TransactionEnds
	default:
		t.Standing = TransactionUnclear
	}
}
