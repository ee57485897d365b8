package kafka

import (
	"context"
	"testing"
	"time"
)

func orderRecord(t *testing.T, o Order) (key, value []byte) {
	t.Helper()
	value, err := o.encode()
	if err != nil {
		t.Fatal(err)
	}
	return []byte(o.key()), value
}

func TestTheBookOfOrders(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000, 0).UTC()
	soon := now.Add(time.Minute)
	b := newBook("bank")
	enter := func(at int64, o Order) bool {
		key, value := orderRecord(t, o)
		return b.enter(key, value, at)
	}
	for at, o := range []Order{
		{Context: "bank", Kind: PinOrder, Partition: 3, Worker: "a"},
		{Context: "bank", Kind: PinOrder, Partition: 3, Worker: "b"}, // replaces it
		{Context: "bank", Kind: DrainOrder, Worker: "c", Until: &soon},
		{Context: "bank", Kind: WarmOrder, Partition: 3, Worker: "b", Until: &now}, // over
		{Context: "bank", Kind: WarmOrder, Partition: 4, Worker: "b"},
	} {
		if !enter(int64(at), o) {
			t.Errorf("%v is not entered", o)
		}
	}
	for _, o := range []Order{
		{Context: "shop", Kind: PinOrder, Partition: 3, Worker: "a"},
		{Context: "bank", Kind: "epoch", Worker: "a"},
		{Context: "bank", Kind: PinOrder},
	} {
		if enter(9, o) {
			t.Errorf("%v is entered", o)
		}
	}
	if b.enter([]byte("bank/partitions"), []byte("garbage"), 9) {
		t.Error("another tool's record is entered")
	}
	got, next := b.inForce(now), b.next(now)
	if got.Pins[3] != "b" || !got.Drains["c"] || len(got.Warm[3]) != 0 || len(got.Warm[4]) != 1 || got.Revision != 3 || !next.Equal(soon) {
		t.Errorf("%+v, next at %v", got, next)
	}
	if later := b.inForce(soon); later.Drains["c"] || got.SameAssignment(later) {
		t.Errorf("%+v: a drain outlives its time", later)
	}
	key, _ := orderRecord(t, Order{Context: "bank", Kind: PinOrder, Partition: 3, Worker: "b"})
	if !b.enter(key, nil, 12) || b.enter(key, nil, 13) {
		t.Error("an order is withdrawn once")
	}
	if got := b.inForce(now); len(got.Pins) != 0 || got.Revision != 13 {
		t.Errorf("%+v after it was withdrawn", got)
	}
}

func TestOrdersAreFollowed(t *testing.T) {
	t.Parallel()
	cluster, cfg := sessionBroker(t)
	if err := cluster.CreateTopic(ControlTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	pin := Order{Context: "bank", Kind: PinOrder, Partition: 1, Worker: "a"}
	if err := GiveOrders(t.Context(), cfg, pin); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	heard := make(chan Orders, 10)
	ended := make(chan error, 1)
	go func() { ended <- FollowOrders(ctx, cfg, "bank", time.Now, func(o Orders) { heard <- o }) }()
	if o := <-heard; o.Pins[1] != "a" {
		t.Errorf("at first %+v", o)
	}
	until := time.Now().Add(5 * time.Second) // long enough for a busy machine to hear of it before it is over
	if err := GiveOrders(t.Context(), cfg, Order{Context: "bank", Kind: DrainOrder, Worker: "b", Until: &until}); err != nil {
		t.Fatal(err)
	}
	if o := <-heard; !o.Drains["b"] {
		t.Errorf("then %+v", o)
	}
	if o := <-heard; o.Drains["b"] || time.Now().Before(until) {
		t.Errorf("when it is over %+v", o)
	}
	if err := WithdrawOrders(t.Context(), cfg, pin); err != nil {
		t.Fatal(err)
	}
	if o := <-heard; len(o.Pins) != 0 {
		t.Errorf("at last %+v", o)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	read, err := ReadOrders(t.Context(), cfg, "bank", time.Now())
	if err != nil || len(read.Pins)+len(read.Drains) != 0 {
		t.Errorf("%+v %v", read, err)
	}
}
