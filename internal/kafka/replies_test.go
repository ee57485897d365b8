package kafka

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

type reply struct{ address, value string }

func runReplies(t *testing.T, r *Replies) <-chan reply {
	t.Helper()
	got := make(chan reply, 100)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- r.Run(ctx, func(address string, value []byte) { got <- reply{address, string(value)} })
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
		r.Close()
	})
	return got
}

func openReplies(t *testing.T, cfg Config, instance string) *Replies {
	t.Helper()
	r, err := OpenReplies(t.Context(), cfg, instance)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func publishReplies(t *testing.T, cfg Config, replies ...reply) {
	t.Helper()
	p := newProducer(t, cfg, ProducerConfig{})
	for i, r := range replies {
		c := Command{Topic: RepliesTopic, Partition: int32(i % producedPartitions), Key: []byte(r.address), Value: []byte(r.value)}
		if err := p.Produce(t.Context(), c, func(_ int32, _ int64, err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestAnInstanceHearsItsOwnRepliesFromWhenItOpened(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t, RepliesTopic)
	publishReplies(t, cfg, reply{"one/0", "before"})
	// Whoever looks for the end after OpenReplies has returned is kept waiting, and would lose what comes meanwhile.
	opened := make(chan struct{})
	release := sync.OnceFunc(func() { close(opened) })
	t.Cleanup(release)
	asked := 0
	cluster.ControlKey(int16(kmsg.ListOffsets), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked++; asked > 1 {
			cluster.SleepControl(func() { <-opened })
		}
		return nil, nil, false
	})
	r := openReplies(t, cfg, "one")
	publishReplies(t, cfg, reply{"one/1", "a"}, reply{"two/1", "not ours"}, reply{"one", "no address"}, reply{"onerous/1", "not ours"})
	release()
	got := runReplies(t, r)
	publishReplies(t, cfg, reply{"one/2", "b"}, reply{"one/3/4", "c"})

	var heard []string
	for range 3 {
		select {
		case h := <-got:
			heard = append(heard, h.address+"="+h.value)
		case <-time.After(2 * time.Minute):
			t.Fatalf("heard only %v", heard)
		}
	}
	slices.Sort(heard)
	if want := []string{"1=a", "2=b", "3/4=c"}; !slices.Equal(heard, want) {
		t.Fatalf("heard %v, want %v", heard, want)
	}
	select {
	case h := <-got:
		t.Fatalf("also heard %v", h)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestTwoInstancesReadTheSameTopic(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, RepliesTopic)
	var heard []<-chan reply
	for i := range 2 {
		heard = append(heard, runReplies(t, openReplies(t, cfg, fmt.Sprint("ingest-", i))))
	}
	publishReplies(t, cfg, reply{"ingest-0/x", "for 0"}, reply{"ingest-1/x", "for 1"})
	for i, h := range heard {
		select {
		case r := <-h:
			if want := fmt.Sprint("for ", i); r.value != want {
				t.Errorf("instance %d heard %q", i, r.value)
			}
		case <-time.After(2 * time.Minute):
			t.Fatalf("instance %d heard nothing", i)
		}
	}
}

func TestRepliesWithoutTheirTopicOrBroker(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := OpenReplies(ctx, cfg, "one"); err == nil {
		t.Error("a topic that does not exist was opened")
	}
	cluster.Close()
	ctx, cancel = context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := OpenReplies(ctx, cfg, "one"); err == nil {
		t.Error("a broker that is gone answered")
	}
}
