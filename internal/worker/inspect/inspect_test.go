package inspect_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"recount/domain/bank/account"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde/serdetest"
	"recount/internal/worker/inspect"
)

const partitions = 2

type log struct {
	t     *testing.T
	cfg   kafka.Config
	codec engine.Codec
	out   *kafka.Producer
}

func newLog(t *testing.T) *log {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	l := &log{t: t, cfg: kafka.Config{Brokers: []string{broker.Addr()}}, codec: serdetest.Codec(t).Context("bank")}
	if err := kafka.EnsureTopics(t.Context(), l.cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	var err error
	if l.out, err = kafka.NewProducer(l.cfg, kafka.ProducerConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.out.Close)
	return l
}

func (l *log) write(id string, version, recordedAt int64, e account.Event) {
	l.t.Helper()
	meta := es.Meta{AggregateID: id, Version: version, CommandID: fmt.Sprint("c", version), RecordedAt: recordedAt, ValidAt: recordedAt}
	frame, _, _, err := l.codec.AppendEvent(nil, account.Type(), &meta, e)
	if err != nil {
		l.t.Fatal(err)
	}
	err = l.out.Produce(l.t.Context(), kafka.Command{
		Topic: "bank.events", Partition: partition.Of(id, partitions),
		Key: fmt.Appendf(nil, "account/%s/%d", id, version), Value: frame,
	}, func(_ int32, _ int64, err error) {
		if err != nil {
			l.t.Error(err)
		}
	})
	if err = errors.Join(err, l.out.Flush(l.t.Context())); err != nil {
		l.t.Fatal(err)
	}
}

func (l *log) read(id string) (*inspect.Timeline, error) {
	return inspect.Read(l.t.Context(), inspect.Request{
		Kafka: l.cfg, Codec: l.codec, Context: "bank", Aggregate: account.Type(), ID: id, Partitions: partitions,
	})
}

// history writes four versions of the account "a".
func (l *log) history() {
	l.write("a", 1, 100, account.AccountOpened{CustomerID: "ada", Currency: "EUR"})
	l.write("a", 2, 200, account.FundsDeposited{Amount: 50, Currency: "EUR", BalanceAfter: 50})
	l.write("a", 2, 200, account.FundsDeposited{Amount: 50, Currency: "EUR", BalanceAfter: 50}) // the log may repeat itself
	l.write("a", 3, 300, account.AccountFrozen{Currency: "EUR", BalanceAfter: 50})
	l.write("a", 4, 400, account.FundsDeposited{Amount: 7, Currency: "EUR", BalanceAfter: 57})
}

func TestATimeline(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.history()
	l.write("a/1", 1, 100, account.AccountOpened{CustomerID: "eve", Currency: "USD"}) // its key begins like one of "a"
	timeline, err := l.read("a")
	if err != nil {
		t.Fatal(err)
	}
	state, version := timeline.State()
	if a := state.(account.Account); version != 4 || a.Balance != 57 || a.Status != account.StatusFrozen || a.Currency != "EUR" {
		t.Errorf("version %d: %+v", version, a)
	}
	if p := timeline.Steps[0].Position; !strings.HasPrefix(p, fmt.Sprintf("bank/%d@", partition.Of("a", partitions))) {
		t.Errorf("position %q", p)
	}
	for at, want := range map[int64]int64{99: 0, 100: 1, 299: 2, 1000: 4} {
		if _, v := timeline.At(at).State(); v != want {
			t.Errorf("at %d: version %d, want %d", at, v, want)
		}
	}
	if _, err := timeline.Version(5); err == nil || !strings.Contains(err.Error(), "0 to 4") {
		t.Errorf("version 5: %v", err)
	}
}

func TestADiff(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.history()
	timeline, err := l.read("a")
	if err != nil {
		t.Fatal(err)
	}
	changes, steps, err := timeline.Diff(2, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := []inspect.Change{{Field: "status", Before: "open", After: "frozen"}, {Field: "balance", Before: int64(50), After: int64(57)}}
	if fmt.Sprint(changes) != fmt.Sprint(want) || len(steps) != 2 {
		t.Errorf("changes %v, want %v; %d events", changes, want, len(steps))
	}
	if _, _, err := timeline.Diff(4, 2); err == nil || !strings.Contains(err.Error(), "2..4") {
		t.Errorf("backwards: %v", err)
	}
}

func TestAMissingEventIsAnError(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	l.write("a", 1, 100, account.AccountOpened{CustomerID: "ada", Currency: "EUR"})
	l.write("a", 3, 300, account.FundsDeposited{Amount: 1, Currency: "EUR"})
	if _, err := l.read("a"); !errors.Is(err, engine.ErrGap) {
		t.Fatalf("err = %v", err)
	}
}

func TestAnAggregateNobodyHasWritten(t *testing.T) {
	t.Parallel()
	timeline, err := newLog(t).read("nobody")
	if err != nil || len(timeline.Steps) != 0 {
		t.Fatalf("%d steps, %v", len(timeline.Steps), err)
	}
	if state, version := timeline.State(); version != 0 || !reflect.DeepEqual(state, account.Account{}) {
		t.Fatalf("version %d of %+v", version, state)
	}
}

func TestFieldsOfARecordStandUnderItsName(t *testing.T) {
	t.Parallel()
	type place struct {
		City string `avro:"city"`
	}
	state := struct {
		Name   string `avro:"name"`
		Home   place  `avro:"home"`
		Scores []int
		hidden int
	}{Name: "Ada", Home: place{"London"}, Scores: []int{1, 2}}
	want := "[{name Ada} {home.city London} {Scores [1 2]}]"
	if got := fmt.Sprint(inspect.Fields(state)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
