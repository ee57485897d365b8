package webconsole

import (
	"fmt"
	"slices"
	"testing"

	"recount/domain"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// machines are those of all sagas there are.
func machines() map[string]es.Machine {
	out := map[string]es.Machine{}
	for _, c := range domain.Contexts() {
		for _, p := range c.Processes {
			out[p.Name()] = p.Machine()
		}
	}
	return out
}

func TestEveryDiagramIsWhole(t *testing.T) {
	t.Parallel()
	for name, m := range machines() {
		d := draw(m, nil)
		if len(d.Lines) != len(m.Edges()) {
			t.Errorf("%s: %d lines for %d edges", name, len(d.Lines), len(m.Edges()))
		}
		seen := map[string]bool{}
		for i, n := range d.Nodes {
			seen[n.Name] = true
			if n.X < 0 || n.Y < 0 || n.X+boxWidth > d.Width || n.Y+boxHeight > d.Height {
				t.Errorf("%s: %s lies outside, at %d, %d of %d, %d", name, n.Name, n.X, n.Y, d.Width, d.Height)
			}
			for _, o := range d.Nodes[:i] {
				if abs(n.X-o.X) < boxWidth && abs(n.Y-o.Y) < boxHeight {
					t.Errorf("%s: %s lies over %s", name, n.Name, o.Name)
				}
			}
		}
		for _, s := range m.Steps {
			if !seen[s.Name] || s.Undone != seen[es.UndoNode(s.Name)] {
				t.Errorf("%s: step %s is not drawn as it is: %v", name, s.Name, seen)
			}
		}
		if !seen[nodeStart] || !seen[nodeCompleted] || !seen[nodeCompensated] || m.Abandons != seen[es.AbandonNode] {
			t.Errorf("%s: its ends are missing: %v", name, seen)
		}
	}
}

func abs(n int) int { return max(n, -n) }

// TestAStepIsBelowThoseBeforeIt: the way forward runs down.
func TestAStepIsBelowThoseBeforeIt(t *testing.T) {
	t.Parallel()
	for name, m := range machines() {
		places, _, _ := layout(m, named(m.Edges()))
		for _, e := range named(m.Edges()) {
			if !e.Back && places[e.From].row >= places[e.To].row {
				t.Errorf("%s: %s is not above %s", name, e.From, e.To)
			}
			if e.Back && places[e.To].column < places[e.From].column && !places[e.From].between {
				t.Errorf("%s: the way back from %s leads left, to %s", name, e.From, e.To)
			}
		}
	}
}

// TestThePathIsMarked: of the lines, exactly those are passed that the instance went along.
func TestThePathIsMarked(t *testing.T) {
	t.Parallel()
	sending := func(step string, undo bool, fate saga.Fate) saga.Sending {
		return saga.Sending{Attempt: es.Attempt{Step: step, Undo: undo, Number: 1}, Fate: fate}
	}
	m := machines()["money_transfer"]
	for name, tc := range map[string]struct {
		path []saga.Sending
		at   es.Standing
		want []string
	}{
		"begun":     {[]saga.Sending{sending("withdraw", false, saga.UnderWay)}, es.Standing{Phase: "running"}, []string{"start → withdraw"}},
		"completed": {[]saga.Sending{sending("withdraw", false, saga.Done), sending("deposit", false, saga.Done), sending("complete", false, saga.Done)}, es.Standing{Phase: "completed", Ended: true}, []string{"complete → completed", "deposit → complete", "start → withdraw", "withdraw → deposit"}},
		"taken back": {
			[]saga.Sending{sending("withdraw", false, saga.Done), sending("deposit", false, saga.SaidNo), sending("withdraw", true, saga.Done), sending(es.AbandonNode, false, saga.Done)},
			es.Standing{Phase: "compensated", Ended: true},
			[]string{"abandon → compensated", "deposit → undo_withdraw", "start → withdraw", "undo_withdraw → abandon", "withdraw → deposit"},
		},
		"refused at once": {
			[]saga.Sending{sending("withdraw", false, saga.SaidNo), sending(es.AbandonNode, false, saga.UnderWay)}, es.Standing{Phase: "compensating"},
			[]string{"start → withdraw", "withdraw → abandon"},
		},
	} {
		known := fates(tc.path, tc.at)
		var got []string
		for _, e := range named(m.Edges()) {
			if taken(e, node{Name: e.From, fate: known[e.From]}, node{Name: e.To, fate: known[e.To]}) {
				got = append(got, fmt.Sprintf("%s → %s", e.From, e.To))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// TestTheWorstOfAStepsCommandsIsShown: a step of several commands is not done while one of them is not.
func TestTheWorstOfAStepsCommandsIsShown(t *testing.T) {
	t.Parallel()
	leg := func(n, number int32, fate saga.Fate) saga.Sending {
		return saga.Sending{Attempt: es.Attempt{Step: "allocate", Leg: n, Number: number}, Fate: fate}
	}
	for _, tc := range []struct {
		path []saga.Sending
		want saga.Fate
	}{
		{[]saga.Sending{leg(0, 1, saga.Done), leg(1, 1, saga.UnderWay)}, saga.UnderWay},
		{[]saga.Sending{leg(0, 1, saga.SaidNo), leg(1, 1, saga.Done)}, saga.SaidNo},
		{[]saga.Sending{leg(0, 1, saga.Broke), leg(0, 1, saga.Done), leg(1, 1, saga.Done)}, saga.Done},
		{[]saga.Sending{leg(0, 1, saga.SaidNo), leg(0, 2, saga.NeedsSomeone), leg(1, 1, saga.SaidNo)}, saga.NeedsSomeone},
	} {
		if got := fates(tc.path, es.Standing{})["allocate"].Fate; got != tc.want {
			t.Errorf("%+v: %s, want %s", tc.path, got, tc.want)
		}
	}
}
