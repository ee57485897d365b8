package main

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/domain/bank/account"
	"recount/domain/bank/transfer"
	"recount/e2e/deals"
	"recount/internal/es"
)

func TestDefaultsAreTheFullBenchmark(t *testing.T) {
	t.Parallel()
	o, err := parse(nil, io.Discard)
	if err != nil || o.rate != 500 || o.rounds != 3 || len(o.chosen()) != 2 || o.Out != filepath.Join("bench", "results", "transfers.json") {
		t.Errorf("%+v, %v", o, err)
	}
	if transfers, first := o.paced(); transfers != 32_500 || first != 22_500 || o.first != 37_500 {
		t.Errorf("%d of %d, and %d of %d, do not count", first, transfers, o.first, o.transfers)
	}
}

func TestOptionsTellAllTheirFaults(t *testing.T) {
	t.Parallel()
	args := []string{"--rounds=0", "--accounts=1", "--partitions=0", "--transfers=3", "--in-flight=0", "--rate=0", "--time=1ms", "--saga-sessions=-1", "--broker=quick", "--only=both", "rest"}
	_, err := parse(args, io.Discard)
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if name == "rest" {
			name = `"rest"`
		}
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not tell of %s", err, arg)
		}
	}
}

func fetched(keys ...string) kgo.Fetches {
	var records []*kgo.Record
	for _, key := range keys {
		records = append(records, &kgo.Record{Key: []byte(key)})
	}
	return kgo.Fetches{{Topics: []kgo.FetchTopic{{Topic: eventsTopic, Partitions: []kgo.FetchPartition{{Records: records}}}}}}
}

// TestTheWatchSeesTransfersEnd: the accounts are open before, and it counts from the first that counts to the last.
func TestTheWatchSeesTransfersEnd(t *testing.T) {
	t.Parallel()
	w := newWatch(1, 1, 3)
	var marks []int
	left := 0
	w.mark = func(ended int, _ time.Time) error { marks = append(marks, ended); return nil }
	w.left = func(n int) { left += n }
	at := time.Unix(7, 0)
	for _, keys := range [][]string{
		{"account/acct-000000/1", "account/acct-000000/2"},
		{"transfer/t-00000002/1", "transfer/t-00000000/1", "account/acct-000000/3"},
		{"transfer/t-00000002/2", "transfer/t-00000000/2"},
		{"transfer/t-00000001/1", "transfer/t-00000001/2"},
	} {
		if err := w.take(fetched(keys...), at); err != nil {
			t.Fatal(err)
		}
		select {
		case <-w.open:
		default:
			t.Errorf("after %v the account is not open", keys)
		}
		at = at.Add(time.Second)
	}
	if !reflect.DeepEqual(marks, []int{2, 3}) || left != 3 {
		t.Errorf("marks at %v, %d have left", marks, left)
	}
	for n := range w.accepted {
		w.accepted[n].Store(time.Unix(6, 0).UnixNano())
	}
	l := &lap{first: 1, until: 3, pace: workload.Pace{Start: time.Unix(5, 0), PerSecond: 1}}
	l.began, l.ended = mark{at: at, broker: time.Second}, mark{at: at.Add(4 * time.Second), broker: 3 * time.Second}
	p := w.period(l)
	if p.transfer.P50 != 3*time.Second || p.transfer.Max != 4*time.Second || p.due.P50 != 2*time.Second || p.command.P50 != 2*time.Second || p.hops() != 1.5 || p.broker != 0.5 {
		t.Errorf("%+v", p)
	}
}

// TestTheWatchRefusesWhatCannotBe: a transfer that ends twice, that nobody asked for, or that goes on.
func TestTheWatchRefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{
		{"transfer/t-00000000/2", "transfer/t-00000000/2"},
		{"transfer/t-00000001/1"},
		{"transfer/t-x/1"},
		{"transfer/t-00000000/3"},
	} {
		if err := newWatch(1, 1).take(fetched(keys...), time.Unix(7, 0)); err == nil {
			t.Errorf("%v passes", keys)
		}
	}
}

func TestARoomLetsInAsManyAsLeave(t *testing.T) {
	t.Parallel()
	r := newRoom(2)
	for n := range 2 {
		if err := r.enter(t.Context()); err != nil {
			t.Fatal(n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.enter(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a third is let in: %v", err)
	}
	r.leave(1)
	if err := r.enter(t.Context()); err != nil {
		t.Error(err)
	}
	r.leave(9)
	if len(r.places) != 2 {
		t.Errorf("there are %d places, of 2", len(r.places))
	}
}

// TestTransfersCanBePaid: whoever gives has enough, whatever comes, and the same seed makes the same commands.
func TestTransfersCanBePaid(t *testing.T) {
	t.Parallel()
	codec, err := benchsubject.Offline()
	if err != nil {
		t.Fatal(err)
	}
	o := options{accounts: 3, partitions: 2, seed: 7}
	records, err := newPaper(codec, o).requests(200)
	again, err2 := newPaper(codec, o).requests(200)
	if err != nil || err2 != nil || !reflect.DeepEqual(records, again) {
		t.Fatalf("%v, %v: or they differ", err, err2)
	}
	for n, r := range records {
		c, err := codec.Context(benchsubject.Bank).DecodeCommand(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		request, ok := c.Body.(transfer.Request)
		if !ok || c.Meta.AggregateID != transferID(n) || request.From == request.To || request.Amount < 1 || request.Amount > paidIn/transfersMax {
			t.Errorf("%+v: %+v", c.Meta, c.Body)
		}
	}
}

// TestWhatWasNotCarriedOutDoesNotCount: neither a transfer too few, nor one that failed, nor money that is gone.
func TestWhatWasNotCarriedOutDoesNotCount(t *testing.T) {
	t.Parallel()
	ask := transfer.TransferRequested{From: "a", To: "b", Amount: 70, Currency: currency}
	type entry struct {
		aggregate, id, actor string
		event                any
	}
	const saga = "bank/money_transfer/t-1"
	good := []entry{
		{"account", "a", "", account.AccountOpened{Currency: currency}},
		{"account", "b", "", account.AccountOpened{Currency: currency}},
		{"account", "a", "", account.FundsDeposited{Amount: 100, Currency: currency}},
		{"transfer", "t-1", "", ask},
		{"account", "a", saga, account.FundsWithdrawn{Amount: 70, Currency: currency, Channel: transfer.Channel}},
		{"account", "b", saga, account.FundsDeposited{Amount: 70, Currency: currency, Channel: transfer.Channel}},
		{"transfer", "t-1", saga, transfer.TransferCompleted(ask)},
	}
	audit := func(log []entry, transfers int) error {
		l, versions := deals.NewLog(benchsubject.Contexts()), map[string]int64{}
		for i, e := range log {
			versions[e.id]++
			err := l.Add(es.Recorded{Context: benchsubject.Bank, Aggregate: e.aggregate, Event: e.event, Meta: es.Meta{
				AggregateID: e.id, Version: versions[e.id], Actor: e.actor, EventID: es.ID{byte(i), 1},
			}})
			if err != nil {
				t.Fatal(err)
			}
		}
		return complete(l, transfers)
	}
	if err := audit(good, 1); err != nil {
		t.Error(err)
	}
	failed := append(append([]entry(nil), good[:4]...), entry{"transfer", "t-1", saga, transfer.TransferFailed{From: "a", To: "b", Amount: 70, Currency: currency, Code: "account/closed"}})
	gone := append(append([]entry(nil), good[:5]...), good[6])
	for what, err := range map[string]error{"one is missing": audit(good, 2), "one has failed": audit(failed, 1), "money is gone": audit(gone, 1)} {
		if err == nil {
			t.Errorf("%s, and nobody notices", what)
		}
	}
}
