package saga_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// historyOf decides what occurs, one after the other, a second apart, and returns the bodies of the history.
func historyOf(t *testing.T, occurs ...es.Occurrence) []any {
	t.Helper()
	p := saga.Declare(declaration())
	state := p.Zero()
	var all []any
	for i, what := range occurs {
		events, err := p.Decide(state, es.Input{Process: estest.ProcessID, At: 1_000 * int64(i+1), ValidAt: estest.ProcessValidAt, What: what}, nil)
		if err != nil {
			t.Fatalf("%+v: %v", what, err)
		}
		for _, e := range events {
			state = p.Evolve(state, e)
		}
		all = append(all, events...)
	}
	return all
}

// told writes sendings as "node.leg#number fate code".
func told(sendings []saga.Sending) []string {
	var out []string
	for _, s := range sendings {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s.%d#%d %s %s", s.Node(), s.Leg, s.Number, s.Fate, s.Code)))
	}
	return out
}

func TestThePathTellsWhatBecameOfEachCommand(t *testing.T) {
	t.Parallel()
	failed := func(number int32) es.Occurrence { return answer(es.Failed, "broken", id("confirm", 0, number, false)) }
	for name, tc := range map[string]struct {
		occurs []es.Occurrence
		want   []string
	}{
		"nothing is answered": {[]es.Occurrence{start(true)}, []string{"book.0#1 under way", "book.1#1 under way"}},
		"accepted, and awaited": {
			[]es.Occurrence{start(true), yes("book", 0), yes("book", 1), yes("pay", 0)},
			[]string{"book.0#1 done", "book.1#1 done", "pay.0#1 accepted"},
		},
		"to the end, a step skipped": {
			[]es.Occurrence{start(false), yes("book", 0), yes("book", 1), yes("confirm", 0), yes("tell", 0)},
			[]string{"book.0#1 done", "book.1#1 done", "pay.-1#0 skipped", "confirm.0#1 done", "tell.0#1 done"},
		},
		"refused, and taken back": {
			[]es.Occurrence{start(true), yes("book", 0), yes("book", 1), event("payment", "Denied", denied{}), back("book", 1), back("book", 0)},
			[]string{"book.0#1 done", "book.1#1 done", "pay.0#1 refused payment/denied", "undo_book.0#1 done", "undo_book.1#1 done", "abandon.0#1 under way"},
		},
		"failed, and sent again under the same number": {
			[]es.Occurrence{start(false), yes("book", 0), yes("book", 1), failed(1), tick("retry/confirm.0", 9_000)},
			[]string{"book.0#1 done", "book.1#1 done", "pay.-1#0 skipped", "confirm.0#1 failed broken", "confirm.0#1 under way"},
		},
		"stuck behind the final step": {
			[]es.Occurrence{start(false), yes("book", 0), yes("book", 1), yes("confirm", 0), no("tell", 0)},
			[]string{"book.0#1 done", "book.1#1 done", "pay.-1#0 skipped", "confirm.0#1 done", "tell.0#1 stuck no"},
		},
	} {
		if got := told(saga.Path(historyOf(t, tc.occurs...))); !slices.Equal(got, tc.want) {
			t.Errorf("%s:\n%q, want\n%q", name, got, tc.want)
		}
	}
}

func TestThePathKnowsTheEventsItIsToldBy(t *testing.T) {
	t.Parallel()
	history := historyOf(t, start(true), yes("book", 1))
	sendings := saga.Path(history)
	if e, ok := history[sendings[1].Sent].(saga.StepRequested); !ok || e.Leg != 1 {
		t.Errorf("sent by %+v", history[sendings[1].Sent])
	}
	if e, ok := history[sendings[1].Answered].(saga.StepSucceeded); !ok || e.Leg != 1 {
		t.Errorf("answered by %+v", history[sendings[1].Answered])
	}
	if sendings[0].Answered != -1 {
		t.Errorf("nothing has answered %+v", sendings[0])
	}
}

// TestEveryCommandHasItsNode: whatever is sent stands in the diagram.
func TestEveryCommandHasItsNode(t *testing.T) {
	t.Parallel()
	p := saga.Declare(declaration())
	nodes := map[string]bool{}
	for _, e := range p.Machine().Edges() {
		nodes[e.From], nodes[e.To] = true, true
	}
	occurs := []es.Occurrence{start(true), yes("book", 0), yes("book", 1), yes("pay", 0), tick("step/pay", 13_000), back("pay", 0), back("book", 0), back("book", 1)}
	for _, s := range saga.Path(historyOf(t, occurs...)) {
		if !nodes[s.Node()] {
			t.Errorf("the diagram has no %s", s.Node())
		}
	}
}
