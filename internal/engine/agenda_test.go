package engine

import (
	"fmt"
	"testing"
)

// TestWhatIsRemovedFromTheAgendaIsForgotten long before it would have been due, and what is left comes in its order.
func TestWhatIsRemovedFromTheAgendaIsForgotten(t *testing.T) {
	t.Parallel()
	const count, kept = 100_000, 100
	g := newAgenda()
	for n := range count {
		a := alarm{due: int64(count - n), aggregate: "saga", id: fmt.Sprint(n), name: "deadline"}
		g.add(a)
		if n%(count/kept) > 0 {
			g.remove(a)
		}
		if most := agendaSlack + 2*len(g.live) + 1; len(g.queue) > most {
			t.Fatalf("%d in the queue, of whom %d are waited for", len(g.queue), len(g.live))
		}
	}
	last := int64(0)
	for range kept {
		due, ok := g.next()
		if !ok || due <= last {
			t.Fatalf("%d after %d, %t", due, last, ok)
		}
		last = due
		for _, a := range g.due(due, count) {
			g.remove(a)
		}
	}
	if due, ok := g.next(); ok {
		t.Errorf("%d is left", due)
	}
}
