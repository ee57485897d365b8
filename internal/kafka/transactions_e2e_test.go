//go:build e2e

package kafka

import (
	"context"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"recount/bench/broker"
)

// realBroker is a Kafka that takes transactional records without asking the coordinator first, as all did before 3.6:
// otherwise nothing can be made to hang on purpose.
func realBroker(t *testing.T) Config {
	t.Helper()
	b, err := broker.Start(t.Context(), broker.Options{
		HeapBytes: 512 << 20, Progress: func(s string) { t.Log(s) },
		Settings: map[string]string{"transaction.partition.verification.enable": "false"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	cfg := Config{Brokers: []string{b.Addr()}}
	if err := EnsureTopics(t.Context(), cfg, []string{"x"}, 2, Replication{}); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// writeBehindTheCoordinator writes one transactional record that no coordinator is told of.
func writeBehindTheCoordinator(t *testing.T, cfg Config, pid int64, epoch int16) {
	t.Helper()
	// From version 12 on a produce request itself tells the coordinator.
	cl, err := kgo.NewClient(append(cfg.options(), kgo.MaxVersions(kversion.V3_7_0()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	id := "lost"
	part := kmsg.NewProduceRequestTopicPartition()
	part.Records = transactionalBatch(pid, epoch)
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.Partitions = ledger, append(topic.Partitions, part)
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis, req.Topics = &id, -1, 10_000, append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), cl)
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func transactionalBatch(pid int64, epoch int16) []byte {
	const (
		transactional = 0x10
		lengthAt      = 12 // what Length does not count
		checksumFrom  = 21 // what CRC does not cover
	)
	record := kmsg.Record{Key: []byte("k"), Value: []byte("lost")}
	record.Length = int32(len(record.AppendTo(nil)) - 1)
	now := time.Now().UnixMilli()
	batch := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2, Attributes: transactional, FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: pid, ProducerEpoch: epoch, NumRecords: 1, Records: record.AppendTo(nil),
	}
	raw := batch.AppendTo(nil)
	batch.Length = int32(len(raw) - lengthAt)
	batch.CRC = int32(crc32.Checksum(batch.AppendTo(nil)[checksumFrom:], crc32.MakeTable(crc32.Castagnoli)))
	return batch.AppendTo(nil)
}

func TestARealBrokersHangingTransactionIsFoundAndEnded(t *testing.T) {
	t.Parallel()
	cfg := realBroker(t)
	cl, err := kgo.NewClient(append(cfg.options(), kgo.TransactionalID("lost"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	pid, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writeBehindTheCoordinator(t, cfg, pid, epoch)
	hangs := theOpenOne(t, cfg)
	if hangs.Standing != TransactionHangs || hangs.Decision != DecidedAbort || hangs.ProducerID != pid || hangs.ProducerEpoch != epoch || !hangs.HoldsStable || hangs.TransactionalID != "lost" {
		t.Errorf("%+v", hangs)
	}
	// A transaction behind it is committed, and nobody can read it.
	behind := beginTransaction(t, cfg, "behind", 0)
	if err := behind.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the marker of the one behind", func() bool { return stableOf(t, cfg, 0).End == 3 })
	if e := stableOf(t, cfg, 0); e.Stable != 0 {
		t.Fatalf("nothing is held up: %+v", e)
	}
	if err := EndTransaction(t.Context(), cfg, hangs, false); err != nil {
		t.Fatal(err)
	}
	if e := stableOf(t, cfg, 0); e.Stable != e.End {
		t.Errorf("after its end: %+v", e)
	}
	read := 0
	err = Replay(t.Context(), cfg, []Span{{Topic: ledger, Partition: 0, Until: stableOf(t, cfg, 0).Stable}}, func(_ Span, records []*Record, _ int64) error {
		for _, r := range records {
			read++
			if string(r.Value) != "behind" {
				t.Errorf("read %q", r.Value)
			}
		}
		return nil
	})
	if err != nil || read != 1 {
		t.Errorf("%d records, %v", read, err)
	}
}

func TestARealCoordinatorEndsWhatItRuns(t *testing.T) {
	t.Parallel()
	cfg := realBroker(t)
	cl := beginTransaction(t, cfg, "alive", 0, 1)
	runs := openOnes(t, cfg, 0)
	if len(runs) != 2 || runs[0].Standing != TransactionRuns || runs[0].State != "Ongoing" || runs[0].Started.IsZero() {
		t.Fatalf("%+v", runs)
	}
	if err := EndTransaction(t.Context(), cfg, runs[0], false); !errors.Is(err, ErrTransactionRuns) {
		t.Fatalf("without force: %v", err)
	}
	if err := EndTransaction(t.Context(), cfg, runs[0], true); err != nil {
		t.Fatal(err)
	}
	for p := range int32(2) {
		if e := stableOf(t, cfg, p); e.Stable != e.End || e.Stable == 0 {
			t.Errorf("partition %d: %+v", p, e)
		}
	}
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err == nil {
		t.Error("its producer committed it afterwards")
	}
	r, err := NewLagReader(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lag []Lag
	eventually(t, "the first question for a group, which makes the topic of their offsets", func() bool {
		lag, err = r.Lag(t.Context(), "readers", ledger)
		return err == nil
	})
	for _, l := range lag {
		if l.Records != 0 || l.Stable == 0 || l.Committed != -1 {
			t.Errorf("only an aborted record and a marker are there: %+v", l)
		}
	}
}

// coordinatorNotes appends to the log that coordinators keep, as the one of an ID would. Brokers let nobody but tools do so,
// which they know by this client ID. Coordinators don't read it: as if they had forgotten what they wrote.
func coordinatorNotes(t *testing.T, cfg Config, id string, notes ...kmsg.TxnMetadataValue) {
	t.Helper()
	cl, err := kgo.NewClient(append(cfg.options(), kgo.ClientID("__admin_client"), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DisableIdempotentWrite())...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopicsWithInternal(t.Context(), coordinatorTopic)
	if err != nil {
		t.Fatal(err)
	}
	at := keptIn(id, len(topics[coordinatorTopic].Partitions))
	for _, n := range notes {
		r := &kgo.Record{Topic: coordinatorTopic, Partition: at, Key: (&kmsg.TxnMetadataKey{TransactionalID: id}).AppendTo(nil), Value: n.AppendTo(nil)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestWhatWasCommittedAndHangsIsCommitted has a coordinator forget a transaction that it has committed, before it wrote its
// marker. Another with no decision behind it is aborted, by TestARealBrokersHangingTransactionIsFoundAndEnded.
func TestWhatWasCommittedAndHangsIsCommitted(t *testing.T) {
	t.Parallel()
	cfg := realBroker(t)
	cl, err := kgo.NewClient(append(cfg.options(), kgo.TransactionalID("lost"))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	pid, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writeBehindTheCoordinator(t, cfg, pid, epoch)
	begun := told(kmsg.TransactionStateOngoing, epoch, versionDistinct, 0)
	done := told(kmsg.TransactionStateCompleteCommit, epoch+1, versionDistinct)
	begun.ProducerID, done.ProducerID = pid, pid
	coordinatorNotes(t, cfg, "lost", begun, done)
	hangs := theOpenOne(t, cfg)
	if hangs.Standing != TransactionHangs || hangs.Decision != DecidedCommit {
		t.Fatalf("%+v", hangs)
	}
	if err := EndTransaction(t.Context(), cfg, hangs, false); err != nil {
		t.Fatal(err)
	}
	var read []string
	err = Replay(t.Context(), cfg, []Span{{Topic: ledger, Partition: 0, Until: stableOf(t, cfg, 0).Stable}}, func(_ Span, records []*Record, _ int64) error {
		for _, r := range records {
			read = append(read, string(r.Value))
		}
		return nil
	})
	if err != nil || len(read) != 1 || read[0] != "lost" {
		t.Errorf("read %q, %v: want what was committed", read, err)
	}
}

// hangingOffset has an aborted transaction's offset hang, as nothing else does: it is sent to the group's coordinator alone.
func hangingOffset(t *testing.T, cfg Config, pid int64, epoch int16, number int32, next int64) {
	t.Helper()
	// From version 5 on the request itself tells the coordinator of the transaction.
	cl, err := kgo.NewClient(append(cfg.options(), kgo.MaxVersions(kversion.V3_7_0()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	sendOffset(t, cfg, cl, pid, epoch, number, next)
}

// commitOneOffset commits a transaction with one offset of the group in it.
func commitOneOffset(t *testing.T, cfg Config, number int32, next int64) {
	t.Helper()
	cl := replayClient(t, cfg, kgo.TransactionalID("predecessor"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	stageOffset(t, cfg, cl, number, next)
	if err := cl.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
}

// offsetsAfter has an offset of partition 1 hang, which nobody committed; a session of the same producer is opened behind
// it, if guarded; then another transaction of that producer commits an offset of partition 0. It returns the group's.
func offsetsAfter(t *testing.T, guarded bool) kadm.OffsetResponses {
	t.Helper()
	cfg := realBroker(t)
	commitOneOffset(t, cfg, 0, 7)
	cl := replayClient(t, cfg, kgo.TransactionalID("predecessor"))
	pid, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	hangingOffset(t, cfg, pid, epoch, 1, 42)
	if guarded {
		s, err := OpenSession(t.Context(), SessionConfig{
			Config: cfg, Group: "g", InstanceID: "predecessor", TransactionalID: "predecessor", Inputs: []string{sessionTopic},
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Leave(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	commitOneOffset(t, cfg, 0, 8)
	admin := kadm.NewClient(replayClient(t, cfg))
	var got kadm.OffsetResponses
	eventually(t, "the marker of what was committed", func() bool {
		got, err = admin.FetchOffsets(t.Context(), "g")
		o, _ := got.Lookup(sessionTopic, 0)
		return err == nil && o.At == 8
	})
	return got
}

// What was never committed must not count because its producer's next transaction was.
func TestOffsetsThatHangNeverCount(t *testing.T) {
	t.Parallel()
	if o, there := offsetsAfter(t, true).Lookup(sessionTopic, 1); there && o.At >= 0 {
		t.Errorf("partition 1 stands at %d, which nobody committed", o.At)
	}
}

// TestWithoutASessionOffsetsThatHangCount: this is what brokers do, and why sessions look.
func TestWithoutASessionOffsetsThatHangCount(t *testing.T) {
	t.Parallel()
	if o, there := offsetsAfter(t, false).Lookup(sessionTopic, 1); !there || o.At != 42 {
		t.Errorf("partition 1 stands at %+v: brokers keep an aborted transaction's offsets from counting, and the guard is not needed", o)
	}
}
