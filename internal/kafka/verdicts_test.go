package kafka

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

func controlled(t *testing.T) Config {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, ControlTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return Config{Brokers: cluster.ListenAddrs()}
}

func TestVerdictsStandUntilTheyEnd(t *testing.T) {
	t.Parallel()
	cfg := controlled(t)
	now := time.Now()
	soon := now.Add(time.Hour)
	release := Verdict{Kind: ReleaseVerdict, Context: "bank", View: "ledger", Aggregate: "account", ID: "a/b", Attempt: "one", Until: &soon}
	discard := Verdict{Kind: DiscardVerdict, Context: "bank", View: "ledger", Aggregate: "account", ID: "a/b", Partition: 3, Offset: 7, By: "ada", Why: "so"}
	other := Verdict{Kind: DiscardVerdict, Context: "bank", View: "totals", Partition: 3, Offset: 7}
	again := release
	again.Attempt = "two"
	if err := errors.Join(GiveVerdicts(t.Context(), cfg, release, discard, other), GiveVerdicts(t.Context(), cfg, again)); err != nil {
		t.Fatal(err)
	}
	if err := GiveOrders(t.Context(), cfg, Order{Context: "bank", Kind: PinOrder, Worker: "w"}); err != nil {
		t.Fatal(err)
	}
	attempts := func(at time.Time) (out []string) {
		t.Helper()
		all, err := ReadVerdicts(t.Context(), cfg, at)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range all.Of("bank", "ledger") {
			out = append(out, string(v.Kind)+v.Attempt+v.Why)
		}
		return out
	}
	if got := attempts(now); !slices.Equal(got, []string{"discardso", "releasetwo"}) {
		t.Errorf("in force are %v", got)
	}
	if got := attempts(soon); !slices.Equal(got, []string{"discardso"}) {
		t.Errorf("an hour later are %v", got)
	}
	if orders, err := ReadOrders(t.Context(), cfg, "bank", now); err != nil || orders.Pins[0] != "w" {
		t.Errorf("orders beside them: %+v, %v", orders, err)
	}
	if err := WithdrawVerdicts(t.Context(), cfg, again, release); err != nil {
		t.Fatal(err)
	}
	if got := attempts(now); !slices.Equal(got, []string{"discardso"}) {
		t.Errorf("without the release are %v", got)
	}
}

func TestVerdictsAreFollowed(t *testing.T) {
	t.Parallel()
	cfg := controlled(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	heard, done := make(chan Verdicts, 10), make(chan error, 1)
	go func() {
		done <- FollowVerdicts(ctx, cfg, time.Now, func(v Verdicts) { heard <- v })
	}()
	if first := <-heard; len(first) != 0 {
		t.Errorf("at first there are %v", first)
	}
	until := time.Now().Add(300 * time.Millisecond)
	if err := GiveVerdicts(t.Context(), cfg, Verdict{Kind: ReleaseVerdict, Context: "bank", View: "ledger", Attempt: "one", Until: &until}); err != nil {
		t.Fatal(err)
	}
	if then := <-heard; len(then) != 1 || then[0].Attempt != "one" {
		t.Errorf("then there are %v", then)
	}
	if last := <-heard; len(last) != 0 { // it has ended by itself
		t.Errorf("at last there are %v", last)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestRecordsArePickedByOffset(t *testing.T) {
	t.Parallel()
	w := newRangesWorld(t, 1)
	for range 3 {
		w.produce(0, 5, true) // and a marker behind each five
		w.produce(0, 2, false)
	}
	picked := func(offsets ...int64) (out []int64, err error) {
		records, err := Pick(t.Context(), w.cfg, rangesTopic, 0, offsets)
		for _, r := range records {
			out = append(out, r.Offset)
		}
		return out, err
	}
	if got, err := picked(0, 3, 9, 10, 19); err != nil || !slices.Equal(got, []int64{0, 3, 9, 10, 19}) {
		t.Errorf("got %v, %v", got, err)
	}
	for name, offsets := range map[string][]int64{"a marker": {1, 5}, "an aborted record": {1, 6}, "beyond the end": {1, 1000}} {
		if got, err := picked(offsets...); err == nil || !errors.Is(err, ErrNoRecord) && !errors.Is(err, ErrCut) || !slices.Equal(got, []int64{1}) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}
