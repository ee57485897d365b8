package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func (w *rangesWorld) admin() *kadm.Client {
	w.t.Helper()
	cl, err := kgo.NewClient(w.cfg.options()...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	return kadm.NewClient(cl)
}

func (w *rangesWorld) write(records ...*kgo.Record) {
	w.t.Helper()
	cl, err := kgo.NewClient(append(w.cfg.options(), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.DefaultProduceTopic(rangesTopic))...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	for _, r := range records { // one batch each, so that compaction can take one and leave its neighbour
		if err := cl.ProduceSync(w.t.Context(), r).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// leaveOpen writes a record in a transaction that stays open until the test ends.
func (w *rangesWorld) leaveOpen(key string) {
	w.t.Helper()
	cl, err := kgo.NewClient(append(w.cfg.options(), kgo.TransactionalID("open"), kgo.DefaultProduceTopic(rangesTopic))...)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(cl.Close)
	if err := cl.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	if err := cl.ProduceSync(w.t.Context(), kgo.StringRecord(key)).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

func TestADeclaredRangeBelowTheLogStartIsAnError(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	w.produce(0, 20, true)
	w.commitAs(0, 3, "gen=1;next=3-9")
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: rangesTopic, At: 5})
	if deleted, err := w.admin().DeleteRecords(t.Context(), offsets); errors.Join(err, deleted.Error()) != nil {
		t.Fatal(err, deleted.Error())
	}
	err := w.start(w.config(), &member{}).ended(t)
	// The check at the assignment and the first fetch find it at the same time.
	if err == nil || !strings.Contains(err.Error(), "the log starts at 5") && !strings.Contains(err.Error(), "no longer holds the offset") {
		t.Errorf("got %v", err)
	}
	if w.complete("a") {
		t.Error("the rest was inserted all the same")
	}
}

func TestADeclaredRangeEndsThoughItsRecordsWereCompacted(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	set := func(k, v string) kadm.AlterConfig {
		return kadm.AlterConfig{Op: kadm.SetConfig, Name: k, Value: kadm.StringPtr(v)}
	}
	if _, err := w.admin().AlterTopicConfigs(t.Context(), []kadm.AlterConfig{
		set("cleanup.policy", "compact"), set("min.compaction.lag.ms", "0"), set("delete.retention.ms", "0"),
	}, rangesTopic); err != nil {
		t.Fatal(err)
	}
	// Offsets 0–4, of which 2 and 4 will be gone; and an open transaction at 5, which nobody may read: no record that is
	// left passes the end of the range.
	for i, key := range []string{"a", "b", "x", "c", "x"} {
		r := &kgo.Record{Key: []byte(key), Value: fmt.Append(nil, i)}
		if i == 4 {
			r.Value = nil
		}
		w.write(r)
	}
	w.leaveOpen("d")
	w.commitAs(0, 1, "gen=1;next=1-4")
	w.cluster.Compact()
	m := w.start(w.config(), &member{})
	eventually(t, "the range has ended", func() bool { return m.position(0) >= 5 })
	if err := m.end(t); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.ranges[0]
	var got []int64
	for _, rec := range r.Records {
		got = append(got, rec.Offset)
	}
	if !r.Again || r.Bounds != (Bounds{1, 4}) || !slices.Equal(got, []int64{1, 3}) {
		t.Errorf("got the range %s with offsets %v", r.Bounds, got)
	}
}

func TestALargeDeclaredRangeComesAsOnePiece(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	const n = 5000 // of 10 kB: far beyond what is fetched ahead, and beyond a range of today
	value := make([]byte, 2000)
	cl, err := kgo.NewClient(append(w.cfg.options(), kgo.DefaultProduceTopic(rangesTopic), kgo.ProducerBatchCompression(kgo.NoCompression()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	for range n {
		cl.Produce(t.Context(), &kgo.Record{Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.commitAs(0, 0, fmt.Sprintf("gen=1;next=0-%d", n-2))
	cfg := w.config()
	cfg.Limits.AheadBytes = 1
	m := w.start(cfg, &member{})
	eventually(t, "all is reached", func() bool { return m.position(0) == n })
	m.mu.Lock()
	defer m.mu.Unlock()
	if got := m.ranges[0]; len(got.Records) != n-1 || !got.Again {
		t.Errorf("the declared range came with %d records", len(got.Records))
	}
}
