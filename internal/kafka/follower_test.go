package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// followed is what a test's follower has delivered.
type followed struct {
	values []string
	next   int64
	stable int64
	failed error
}

func (f *followed) poll(t *testing.T, from *Follower, until func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !until() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute; so far %+v", f)
		}
		f.once(t.Context(), from)
	}
}

func (f *followed) once(ctx context.Context, from *Follower) {
	ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	from.Poll(ctx, 100, func(span Span, records []*Record, next int64) {
		for _, r := range records {
			f.values = append(f.values, string(r.Value))
		}
		f.next, f.stable = next, span.Until
	}, func(_ Span, err error) { f.failed = err })
}

func transact(t *testing.T, cl *kgo.Client, end kgo.TransactionEndTry, values ...string) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	for _, v := range values {
		cl.Produce(t.Context(), &kgo.Record{Topic: sessionTopic, Partition: 1, Value: []byte(v)}, nil)
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cl.EndTransaction(t.Context(), end); err != nil {
		t.Fatal(err)
	}
}

func TestAFollowerReadsWhatIsCommittedAndCountsMarkers(t *testing.T) {
	t.Parallel()
	_, cfg := sessionBroker(t)
	cl, err := kgo.NewClient(append(cfg.options(), kgo.TransactionalID("t"), kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	transact(t, cl, kgo.TryCommit, "a", "b")
	transact(t, cl, kgo.TryAbort, "x")
	from, err := NewFollower(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var got followed
	from.Follow(sessionTopic, 1, 0)
	got.poll(t, from, func() bool { return got.next == 5 })
	transact(t, cl, kgo.TryCommit, "c")
	got.poll(t, from, func() bool { return got.next == 7 })
	if len(got.values) != 3 || got.values[2] != "c" || got.stable != 7 || got.failed != nil {
		t.Errorf("%+v", got)
	}
	from.Forget(sessionTopic, 1)
	transact(t, cl, kgo.TryCommit, "d")
	got.once(t.Context(), from)
	if got.next != 7 {
		t.Errorf("what was forgotten is delivered: %+v", got)
	}
	from.Follow(sessionTopic, 1, 7) // and again, from where it stood
	got.poll(t, from, func() bool { return got.next == 9 })
	from.Forget(sessionTopic, 1)
	from.Follow(sessionTopic, 1, 1_000) // beyond the log's end: it was made again
	got.poll(t, from, func() bool { return got.failed != nil })
}
