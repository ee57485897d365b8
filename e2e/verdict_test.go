//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"recount/e2e/audit"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

const (
	commandsTopic    = "bank" + kafka.CommandsSuffix
	dispatchTopic    = "bank" + kafka.DispatchSuffix
	eventsTopic      = "bank" + kafka.EventsSuffix
	refusalsTopic    = "bank" + kafka.RefusalsSuffix
	deadLettersTopic = "bank" + kafka.DeadLettersSuffix
	snapshotsTopic   = "bank" + kafka.SnapshotsSuffix
)

// decided waits until everything that was sent has been decided, forwarded commands too.
func (w *world) decided() {
	w.t.Helper()
	extents, err := kafka.Extents(w.t.Context(), w.broker.Config(), commandsTopic)
	w.must(err)
	ends := map[int32]int64{}
	for p, e := range extents[commandsTopic] {
		ends[p] = e.End
	}
	w.eventually("every command is decided", func(ctx context.Context) error { return w.behind(ctx, commandsTopic, ends) })
	w.eventually("every forwarded command is decided", func(ctx context.Context) error {
		if err := w.settled(ctx, dispatchTopic); err != nil {
			return err
		}
		ends := map[int32]int64{}
		err := w.read(ctx, dispatchTopic, func(r *kafka.Record) { ends[r.Partition] = r.Offset + 1 })
		return errors.Join(err, w.behind(ctx, dispatchTopic, ends))
	})
	w.eventually("nothing is open", func(ctx context.Context) error {
		return w.settled(ctx, eventsTopic, refusalsTopic, deadLettersTopic, dispatchTopic, snapshotsTopic)
	})
}

// settled returns an error that says where a transaction is open: nobody sees what lies behind it, this test as little as
// anybody else.
func (w *world) settled(ctx context.Context, topics ...string) error {
	extents, err := kafka.Extents(ctx, w.broker.Config(), topics...)
	for topic, partitions := range extents {
		for p, e := range partitions {
			if e.Stable < e.End {
				err = errors.Join(err, fmt.Errorf("the last stable offset of %s/%d stands at %d of %d", topic, p, e.Stable, e.End))
			}
		}
	}
	return err
}

// behind returns an error that says where the group has not come to the ends.
func (w *world) behind(ctx context.Context, topic string, ends map[int32]int64) error {
	at, err := w.admin.FetchOffsets(ctx, aggregator.Group("bank"))
	if err != nil {
		return err
	}
	for p, end := range ends {
		if o, _ := at.Lookup(topic, p); o.At < end {
			return fmt.Errorf("%s/%d stands at %d of %d", topic, p, o.At, end)
		}
	}
	return nil
}

// read reads what is committed of a topic, partition by partition in order.
func (w *world) read(ctx context.Context, topic string, each func(*kafka.Record)) error {
	extents, err := kafka.Extents(ctx, w.broker.Config(), topic)
	if err != nil {
		return err
	}
	var spans []kafka.Span
	for p, e := range extents[topic] {
		spans = append(spans, kafka.Span{Topic: topic, Partition: p, From: e.Start, Until: e.Stable})
	}
	return kafka.Replay(ctx, w.broker.Config(), spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			each(r)
		}
		return nil
	})
}

// origin is where a dead letter came from.
func origin(r *kafka.Record) string {
	for _, h := range r.Headers {
		if h.Key == engine.HeaderOrigin {
			return string(h.Value)
		}
	}
	return ""
}

// audit compares the whole log with the scripts. It fails the test, says what it has seen, and notes it in the summary.
func (w *world) audit() {
	w.t.Helper()
	want := w.script.Expected()
	records := want.Messages
	if w.calling != nil {
		w.calling.expect(want)
	}
	a := audit.New(w.codec, partitions, want)
	counts := map[string]int{}
	for topic, take := range map[string]func(audit.Record){eventsTopic: a.Event, refusalsTopic: a.Refusal, deadLettersTopic: a.DeadLetter} {
		w.must(w.read(w.t.Context(), topic, func(r *kafka.Record) {
			counts[topic]++
			take(audit.Record{
				Partition: r.Partition, Offset: r.Offset, ProducerID: r.ProducerID, ProducerEpoch: r.ProducerEpoch,
				Key: r.Key, Value: r.Value, Origin: origin(r),
			})
		}))
	}
	if err := a.Verdict(); err != nil {
		w.t.Errorf("the audit finds:\n%v", err)
	}
	w.sent(records, want.Messages-records)
	w.t.Logf("audited: %d commands (%d forwarded) left %d events, %d refusals and %d dead letters; %d hanging transactions were ended",
		want.Messages, want.Forwarded, counts[eventsTopic], counts[refusalsTopic], counts[deadLettersTopic], w.counts.Hanging)
	var err error
	w.counts.Own, err = w.fleet.Said("ended a transaction that its coordinator had forgotten")
	w.must(err)
	w.counts.Commands = want.Messages
	w.counts.Lost, w.counts.Twice, w.counts.Wrong = a.Counts()
	w.note(w.counts)
}

// sent checks that every record and every request that was sent is there at least once. Who is not answered sends a request
// again. And a Kafka client writes a record again that a broker which was killed has not acknowledged: it is idempotent for
// as long as it keeps its producer ID, and takes a new one where the broker has forgotten the old one's sequence. The audit
// knows that each was decided once, however often it was sent.
func (w *world) sent(records, requests int) {
	w.t.Helper()
	own, called := 0, 0
	w.must(w.read(w.t.Context(), commandsTopic, func(r *kafka.Record) {
		if strings.HasPrefix(string(r.Key), callerPrefix) {
			called++
		} else {
			own++
		}
	}))
	if own < records {
		w.t.Errorf("%d records were sent, the topic has %d", records, own)
	}
	if again := own - records; again > 0 {
		w.t.Logf("%d records were written again by their sender", again)
	}
	if called < requests {
		w.t.Errorf("%d requests were answered, the topic has %d commands of them", requests, called)
	}
}
