package kafka

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const replayTopic = "x.events"

func replayOffsets(t *testing.T, cfg Config, from, until int64) (offsets []int64, next int64, err error) {
	t.Helper()
	err = Replay(t.Context(), cfg, []Span{{replayTopic, 0, from, until}}, func(_ Span, records []*Record, to int64) error {
		for _, r := range records {
			offsets = append(offsets, r.Offset)
		}
		next = to
		return nil
	})
	return offsets, next, err
}

func replayClient(t *testing.T, cfg Config, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(append(cfg.options(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(replayTopic)), opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func produceOne(t *testing.T, cl *kgo.Client, key, value string) {
	t.Helper()
	r := kgo.KeySliceRecord([]byte(key), []byte(value))
	if value == "" {
		r.Value = nil
	}
	if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func TestReplayCountsMarkersAsProgressAndHidesAborts(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, replayTopic)
	cl := replayClient(t, cfg, kgo.TransactionalID("replay"))
	for _, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produceOne(t, cl, "k", "v") // sent before the end: an abort that drops what was never sent shows nothing
		if err := cl.EndTransaction(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	offsets, next, err := replayOffsets(t, cfg, 0, 6) // a record and a marker each
	if err != nil || !slices.Equal(offsets, []int64{0, 4}) || next != 6 {
		t.Fatalf("offsets %v, next %d, %v", offsets, next, err)
	}
}

func TestReplayEndsThoughTheLastRecordsWereCompacted(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t, replayTopic)
	for key, value := range map[string]string{"cleanup.policy": "compact", "min.compaction.lag.ms": "0", "delete.retention.ms": "0"} {
		if err := SetTopicConfig(t.Context(), cfg, replayTopic, key, value); err != nil {
			t.Fatal(err)
		}
	}
	plain := replayClient(t, cfg)
	for _, r := range [][2]string{{"a", "1"}, {"x", "2"}, {"b", "3"}, {"x", ""}} {
		produceOne(t, plain, r[0], r[1])
	}
	open := replayClient(t, cfg, kgo.TransactionalID("open")) // the tombstone at 3 is not the log's last batch
	if err := open.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produceOne(t, open, "d", "4")
	cluster.Compact()
	began := time.Now()
	offsets, next, err := replayOffsets(t, cfg, 0, 4)
	if err != nil || !slices.Equal(offsets, []int64{0, 2}) || next != 4 {
		t.Fatalf("offsets %v, next %d, %v", offsets, next, err)
	}
	if time.Since(began) < replayPause {
		t.Fatal("the hole was not met: the test shows nothing")
	}
}

func TestReplayBeyondTheLogIsAnError(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, replayTopic)
	produceOne(t, replayClient(t, cfg), "a", "1")
	if _, _, err := replayOffsets(t, cfg, 0, 5); !errors.Is(err, ErrCut) || !strings.Contains(err.Error(), "ends at 1") {
		t.Fatalf("err = %v", err)
	}
}

func TestReplayBeforeTheLogsStartIsAnError(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, replayTopic)
	cl := replayClient(t, cfg)
	for range 3 {
		produceOne(t, cl, "a", "1")
	}
	gone := kadm.Offsets{}
	gone.Add(kadm.Offset{Topic: replayTopic, At: 2})
	if _, err := kadm.NewClient(cl).DeleteRecords(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	if offsets, _, err := replayOffsets(t, cfg, 2, 3); err != nil || len(offsets) != 1 {
		t.Fatalf("what is left: %v, %v", offsets, err)
	}
	if _, _, err := replayOffsets(t, cfg, 1, 3); !errors.Is(err, ErrCut) {
		t.Fatalf("err = %v", err)
	}
}

func TestReplayStopsWhereDeliveryFails(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, replayTopic)
	produceOne(t, replayClient(t, cfg), "a", "1")
	full := errors.New("full")
	if err := Replay(t.Context(), cfg, []Span{{replayTopic, 0, 0, 1}}, func(Span, []*Record, int64) error { return full }); !errors.Is(err, full) {
		t.Fatalf("err = %v", err)
	}
}
