package role

import (
	"context"
	"fmt"
	"time"

	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// OpenTransaction is a transaction that nobody has ended for a while, as operators are told of it.
type OpenTransaction struct {
	Topic           string                    `json:"topic"`
	Partition       int32                     `json:"partition"`
	ProducerID      int64                     `json:"producer_id"`
	ProducerEpoch   int16                     `json:"producer_epoch"`
	TransactionalID string                    `json:"transactional_id,omitempty"` // absent: no coordinator knows the producer
	StartOffset     int64                     `json:"start_offset"`
	AgeSeconds      float64                   `json:"age_seconds"`
	Standing        kafka.TransactionStanding `json:"standing"`
	// Decision says, of one that hangs, how it was decided, and so how it must end.
	Decision    kafka.TransactionDecision `json:"decision,omitempty"`
	State       string                    `json:"coordinator_state,omitempty"`
	HoldsStable bool                      `json:"holds_last_stable_offset"`
	// Do is the command that ends it, or what to do instead.
	Do string `json:"do"`
}

// OpenTransactions returns those that are open in the topics of all contexts, or in the offsets of their workers, and
// older than a limit at now. What was found comes with the error where a part of the cluster did not answer.
func (f *Foundation) OpenTransactions(ctx context.Context, olderThan time.Duration, now time.Time) ([]OpenTransaction, error) {
	s := kafka.TransactionSearch{OlderThan: olderThan, Now: now}
	for _, c := range f.Contexts {
		s.Topics = append(s.Topics, kafka.ContextTopics(c.Name)...)
		s.Groups = append(s.Groups, aggregator.Group(c.Name), aggregator.ProcessGroup(c.Name))
	}
	found, err := kafka.OpenTransactions(ctx, f.Kafka, s)
	out := make([]OpenTransaction, 0, len(found))
	for _, t := range found {
		out = append(out, DescribeTransaction(t, now))
	}
	return out, err
}

// DescribeTransaction says of t what it is at now, and what to do about it.
func DescribeTransaction(t kafka.Transaction, now time.Time) OpenTransaction {
	return OpenTransaction{
		Topic: t.Topic, Partition: t.Partition, ProducerID: t.ProducerID, ProducerEpoch: t.ProducerEpoch, TransactionalID: t.TransactionalID,
		StartOffset: t.StartOffset, AgeSeconds: t.Age(now).Seconds(), Standing: t.Standing, Decision: t.Decision, State: t.State, HoldsStable: t.HoldsStable,
		Do: whatToDo(t),
	}
}

func whatToDo(t kafka.Transaction) string {
	command := fmt.Sprintf("aggregator end-transaction --topic %s --partition %d --producer-id %d", t.Topic, t.Partition, t.ProducerID)
	switch t.Standing {
	case kafka.TransactionHangs:
		if t.Decision == kafka.DecidedUnknown {
			return "find out whether its producer was told that it is committed; if not, " + command + " --force"
		}
		return command
	case kafka.TransactionRuns:
		return "wait for its timeout; or, once its worker is dead, " + command + " --force"
	case kafka.TransactionEnds:
		return "wait: its markers are on their way"
	}
	return "bring its coordinator back, and ask again"
}
