package ingest

import "testing"

func TestAReplyIsDeliveredOnceToWhoWaitsForIt(t *testing.T) {
	t.Parallel()
	w := newWaiters()
	one, first := w.add()
	two, second := w.add()
	if one == two {
		t.Fatal("two requests have one address")
	}
	if !w.deliver(two, []byte("b")) || !w.deliver(one, []byte("a")) {
		t.Error("a reply was not taken")
	}
	// The aggregator may send it again. Nobody may block on that: all replies come through one goroutine.
	if w.deliver(one, []byte("again")) || w.deliver("unknown", nil) {
		t.Error("a reply was taken that nobody waits for")
	}
	if string(<-first) != "a" || string(<-second) != "b" {
		t.Error("the replies were mixed up")
	}
	gone, _ := w.add()
	w.remove(gone)
	if w.deliver(gone, nil) || len(w.waiting) != 0 {
		t.Error("who left is still waited for")
	}
	if other, _ := newWaiters().add(); other == one {
		t.Error("another run has the same address: late replies to the earlier one would be taken for its own")
	}
}
