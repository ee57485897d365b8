package inspect_test

import (
	"context"
	"fmt"
	"testing"

	"recount/domain/bank/account"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/worker/inspect"
)

// reads counts how many records a request has read.
func (l *log) reads(shelf *inspect.Shelf, id string) (steps int, records int64) {
	l.t.Helper()
	history, err := shelf.Read(l.t.Context(), inspect.Request{
		Kafka: l.cfg, Codec: l.codec, Context: "bank", Aggregate: account.Type(), ID: id, Partitions: partitions,
		Progress: func(read, _ int64) { records = read },
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return len(history.Steps), records
}

func TestAShelfReadsOnlyWhatHasComeSince(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.history()
	shelf := &inspect.Shelf{Max: 1}
	if steps, records := l.reads(shelf, "a"); steps != 4 || records != 5 {
		t.Errorf("at first: %d steps of %d records", steps, records)
	}
	if steps, records := l.reads(shelf, "a"); steps != 4 || records != 0 {
		t.Errorf("once more: %d steps of %d records", steps, records)
	}
	l.write("a", 5, 500, account.FundsDeposited{Amount: 3, Currency: "EUR", BalanceAfter: 60})
	if steps, records := l.reads(shelf, "a"); steps != 5 || records != 1 {
		t.Errorf("after one more event: %d steps of %d records", steps, records)
	}
	if steps, _ := l.reads(shelf, "nobody"); steps != 0 {
		t.Errorf("nobody has %d steps", steps)
	}
	if steps, records := l.reads(shelf, "a"); steps != 5 || records != 0 {
		t.Errorf("nobody took the place of somebody: %d records", records)
	}
	l.write("b", 1, 100, account.AccountOpened{CustomerID: "bob", Currency: "EUR"})
	l.reads(shelf, "b")
	if steps, records := l.reads(shelf, "a"); steps != 5 || records < 5 {
		t.Errorf("there is room for one: %d steps of %d records", steps, records)
	}
}

// TestAnExtendedHistoryLeavesTheOneBefore: two may extend one history in different directions.
func TestAnExtendedHistoryLeavesTheOneBefore(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.history()
	before, err := l.read("a")
	if err != nil {
		t.Fatal(err)
	}
	l.write("a", 5, 500, account.FundsDeposited{Amount: 3, Currency: "EUR", BalanceAfter: 60})
	request := inspect.Request{Kafka: l.cfg, Codec: l.codec, Context: "bank", Aggregate: account.Type(), ID: "a", Partitions: partitions}
	after, err := before.Extend(t.Context(), request)
	if err != nil || len(before.Steps) != 4 || len(after.Steps) != 5 {
		t.Fatalf("%d and %d steps, %v", len(before.Steps), len(after.Steps), err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := before.Extend(ended, request); err == nil {
		t.Error("a reader that nobody waits for goes on")
	}
}

// TestALogThatWasMadeAgainIsReadAnew: its offsets begin anew, and what is kept is of another log.
func TestALogThatWasMadeAgainIsReadAnew(t *testing.T) {
	t.Parallel()
	old, young := newLog(t), newLog(t)
	old.history()
	history, err := old.read("a")
	if err != nil {
		t.Fatal(err)
	}
	young.write("a", 1, 100, account.AccountOpened{CustomerID: "eve", Currency: "USD"})
	again, err := history.Extend(t.Context(), inspect.Request{
		Kafka: young.cfg, Codec: young.codec, Context: "bank", Aggregate: account.Type(), ID: "a", Partitions: partitions,
	})
	if err != nil || len(again.Steps) != 1 {
		t.Fatalf("%d steps, %v", len(again.Steps), err)
	}
	if state, _ := again.State(); state.(account.Account).Currency != "USD" {
		t.Errorf("%+v", state)
	}
}

// TestAnImpatientReaderGetsFurtherEachTime: the reader leaves when a part was read, and goes on from there.
func TestAnImpatientReaderGetsFurtherEachTime(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.others("a", 25_000) // more than is taken at a time
	l.write("a", 1, 100, account.AccountOpened{CustomerID: "ada", Currency: "EUR"})
	shelf := &inspect.Shelf{Max: 1}
	ctx, leave := context.WithCancel(t.Context())
	var first, left int64
	look := func(ctx context.Context, progress func(read, total int64)) (*inspect.Timeline, error) {
		return shelf.Read(ctx, inspect.Request{
			Kafka: l.cfg, Codec: l.codec, Context: "bank", Aggregate: account.Type(), ID: "a", Partitions: partitions, Progress: progress,
		})
	}
	if _, err := look(ctx, func(read, _ int64) { first = read; leave() }); err == nil || first == 0 || first > 25_000 {
		t.Fatalf("left after %d records: %v", first, err)
	}
	history, err := look(t.Context(), func(_, total int64) { left = total })
	if err != nil || len(history.Steps) != 1 {
		t.Fatalf("%v", err)
	}
	if left != 25_001-first {
		t.Errorf("%d of 25,001 records were read, and then %d", first, left)
	}
}

// others writes records of others to an aggregate's partition.
func (l *log) others(id string, n int) {
	l.t.Helper()
	for i := range n {
		err := l.out.Produce(l.t.Context(), kafka.Command{
			Topic: "bank.events", Partition: partition.Of(id, partitions), Key: fmt.Appendf(nil, "account/other/%d", i), Value: []byte("not read"),
		}, func(_ int32, _ int64, err error) {
			if err != nil {
				l.t.Error(err)
			}
		})
		if err != nil {
			l.t.Fatal(err)
		}
	}
	if err := l.out.Flush(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}
