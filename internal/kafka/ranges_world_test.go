package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const rangesTopic = "bank.events"

// rangesWorld is a topic, the group that reads it, and a table that drops repeated tokens as ClickHouse does.
type rangesWorld struct {
	t       *testing.T
	cfg     Config
	cluster *kfake.Cluster
	// window is how many tokens the table remembers; 0: all.
	window int

	mu     sync.Mutex
	tokens []string
	rows   map[string][]string // by table
	want   []string            // every record that was committed, "<partition>@<offset>"
}

func newRangesWorld(t *testing.T, partitions int32) *rangesWorld {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(partitions, rangesTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return &rangesWorld{t: t, cfg: Config{Brokers: cluster.ListenAddrs()}, cluster: cluster, rows: map[string][]string{}}
}

// insert adds the range's records to a table, unless the token is known there.
func (w *rangesWorld) insert(table, token string, r Range) {
	w.mu.Lock()
	defer w.mu.Unlock()
	token = table + " " + token
	if slices.Contains(w.tokens, token) {
		return
	}
	w.tokens = append(w.tokens, token)
	if w.window > 0 && len(w.tokens) > w.window {
		w.tokens = w.tokens[1:]
	}
	for _, rec := range r.Records {
		w.rows[table] = append(w.rows[table], place(rec))
	}
}

func place(r *Record) string { return fmt.Sprintf("%d@%d", r.Partition, r.Offset) }

// produce writes one transaction of n records to a partition; an aborted one leaves nothing to be seen.
func (w *rangesWorld) produce(partition int32, n int, commit bool) {
	w.t.Helper()
	cl, err := kgo.NewClient(append(w.cfg.options(), kgo.TransactionalID(fmt.Sprint(w.t.Name(), partition)),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	if err := cl.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Topic: rangesTopic, Partition: partition, Key: fmt.Append(nil, "k", i), Value: []byte("value")})
	}
	results := cl.ProduceSync(ctx, records...)
	if err := errors.Join(results.FirstErr(), cl.EndTransaction(ctx, kgo.TransactionEndTry(commit))); err != nil {
		w.t.Fatal(err)
	}
	if !commit {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range results {
		w.want = append(w.want, place(r.Record))
	}
}

// committed returns the group's offset and metadata in a partition; -1 and nothing before the first commit.
func (w *rangesWorld) committed(partition int32) (int64, string) {
	w.t.Helper()
	cl, err := kgo.NewClient(w.cfg.options()...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	got, err := kadm.NewClient(cl).FetchOffsets(w.t.Context(), "group")
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		w.t.Fatal(err)
	}
	if o, ok := got.Lookup(rangesTopic, partition); ok {
		return o.At, o.Metadata
	}
	return -1, ""
}

// commitAs commits for the group as a stranger would.
func (w *rangesWorld) commitAs(partition int32, offset int64, metadata string) {
	w.t.Helper()
	cl, err := kgo.NewClient(w.cfg.options()...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	offsets := kadm.Offsets{}
	offsets.Add(kadm.Offset{Topic: rangesTopic, Partition: partition, At: offset, LeaderEpoch: -1, Metadata: metadata})
	if err := kadm.NewClient(cl).CommitAllOffsets(w.t.Context(), "group", offsets); err != nil {
		w.t.Fatal(err)
	}
}

// complete says whether every record is in every table, however often.
func (w *rangesWorld) complete(tables ...string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range tables {
		have := map[string]bool{}
		for _, row := range w.rows[t] {
			have[row] = true
		}
		for _, row := range w.want {
			if !have[row] {
				return false
			}
		}
	}
	return true
}

// exact returns nil if every record is in every table exactly once and nothing else is.
func (w *rangesWorld) exact(tables ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	want := slices.Sorted(slices.Values(w.want))
	for _, t := range tables {
		got := slices.Sorted(slices.Values(w.rows[t]))
		if !slices.Equal(got, want) {
			return fmt.Errorf("table %s has %d rows (%d different), the topic %d records", t, len(got), len(slices.Compact(got)), len(want))
		}
	}
	return nil
}

// member is a RangeHandler that inserts every range into two tables.
type member struct {
	w *rangesWorld
	// tokenless leaves the token's range out of it: a guard's negative control.
	tokenless bool
	// at is called at each step of a range; an error is the member's death at that point.
	at func(step string, r Range) error

	mu      sync.Mutex
	begun   []Assignment
	ranges  []Range
	reached map[int32]int64
	owned   []int32
	joined  bool
}

const (
	stepPrepare = "before declaring"
	stepDeclare = "declared, nothing inserted"
	stepHalf    = "half of the tables inserted"
	stepInsert  = "inserted, not confirmed"
)

func (m *member) Owned(partitions []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned, m.joined = partitions, true
}

func (m *member) Begin(_ context.Context, a Assignment) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun = append(m.begun, a)
	return nil
}

func (m *member) Prepare(_ context.Context, r Range) (Work, error) {
	if err := m.step(stepPrepare, r); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.ranges = append(m.ranges, r)
	m.mu.Unlock()
	if len(r.Records) == 0 {
		return nil, nil
	}
	return func(_ context.Context, attempt func(func() error) error) error {
		token := fmt.Sprintf("%d:%s", r.Partition, r.Bounds)
		if m.tokenless {
			token = fmt.Sprintf("%d:%s %p", r.Partition, r.Bounds, m)
		}
		if err := m.step(stepDeclare, r); err != nil {
			return err
		}
		for i, table := range []string{"a", "b"} {
			if err := attempt(func() error { m.w.insert(table, token, r); return nil }); err != nil {
				return err
			}
			if i == 0 {
				if err := m.step(stepHalf, r); err != nil {
					return err
				}
			}
		}
		return m.step(stepInsert, r)
	}, nil
}

func (m *member) step(step string, r Range) error {
	if m.at == nil {
		return nil
	}
	return m.at(step, r)
}

func (m *member) Reached(partition int32, position int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.reached == nil {
		m.reached = map[int32]int64{}
	}
	m.reached[partition] = position
}

func (m *member) Confirmed(partition int32, position int64) { m.Reached(partition, position) }

func (m *member) position(partition int32) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reached[partition]
}

// running is a consumer at work.
type running struct {
	*member
	stop context.CancelFunc
	done chan error
}

// rangesConfig is a consumer's, with short times. The static membership lets a successor start at once.
func (w *rangesWorld) config() RangeConfig {
	return RangeConfig{
		Config: w.cfg, Group: "group", Topic: rangesTopic, Generation: 1, InstanceID: "one",
		Limits: RangeLimits{Records: 7, Age: time.Millisecond, Idle: 100 * time.Millisecond},
	}
}

func (w *rangesWorld) start(cfg RangeConfig, m *member) *running {
	w.t.Helper()
	m.w = w
	c, err := NewRangeConsumer(cfg, m)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(w.t.Context()))
	r := &running{member: m, stop: stop, done: make(chan error, 1)}
	finished := make(chan struct{})
	go func() { r.done <- c.Run(ctx); close(finished) }()
	w.t.Cleanup(func() { stop(); <-finished })
	return r
}

// end stops the consumer and returns how it ended.
func (r *running) end(t *testing.T) error {
	t.Helper()
	r.stop()
	return r.ended(t)
}

func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("the consumer did not end")
		return nil
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// kill ends the member as a death would: it commits nothing any more. With its instance ID, it does not leave either.
func (r *running) kill(t *testing.T) {
	t.Helper()
	var over atomic.Bool
	r.w.cluster.ControlKey(int16(kmsg.OffsetCommit), func(k kmsg.Request) (kmsg.Response, error, bool) {
		if over.Load() {
			return nil, nil, false
		}
		r.w.cluster.KeepControl()
		return nil, errDied, true
	})
	r.stop()
	_ = r.ended(t) // dead men tell nothing worth checking
	over.Store(true)
}

func (m *member) begins() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.begun)
}
