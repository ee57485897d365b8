package webconsole

import (
	"slices"

	"recount/internal/es"
	"recount/internal/es/saga"
)

// Nodes of a diagram that no machine names: where it begins, and its two ends.
const (
	nodeStart       = "start"
	nodeCompleted   = "completed"
	nodeCompensated = "compensated"
)

// fate is what became of a node of a diagram: the worst of its commands' last sendings. Each has a sign and a word, so that
// nobody need tell colours apart.
type fate struct {
	saga.Fate
	Sign string
}

// signs are the fates' signs, the worst fate first.
func signs() []fate {
	return []fate{
		{saga.NeedsSomeone, "!"}, {saga.SaidNo, "✗"}, {saga.Broke, "✗"}, {saga.UnderWay, "…"}, {saga.TakenOn, "…"}, {saga.Done, "✓"}, {saga.Skipped, "–"},
	}
}

// Class is the fate's class in the style sheet.
func (f fate) Class() string {
	switch f.Fate {
	case saga.NeedsSomeone, saga.SaidNo, saga.Broke:
		return "bad"
	case saga.UnderWay, saga.TakenOn:
		if f.Sign != "…" {
			return "skipped"
		}
		return "now"
	case saga.Done:
		return "good"
	case saga.Skipped:
		return "skipped"
	}
	return "ahead"
}

// Passed says that the instance has come to the node at all.
func (f fate) Passed() bool { return f.Fate != "" }

// fates returns, by node, what became of each that the instance has come to.
func fates(path []saga.Sending, at es.Standing) map[string]fate {
	last := map[es.Attempt]saga.Fate{} // by leg: the attempt without its number
	for _, s := range path {
		leg := s.Attempt
		leg.Number = 0
		last[leg] = s.Fate
	}
	order := signs()
	rank := func(f saga.Fate) int { return slices.IndexFunc(order, func(s fate) bool { return s.Fate == f }) }
	worst := map[string]int{}
	for leg, f := range last {
		node := leg.Node()
		if old, seen := worst[node]; !seen || rank(f) < old {
			worst[node] = rank(f)
		}
	}
	done := order[rank(saga.Done)]
	out := map[string]fate{nodeStart: done}
	for node, n := range worst {
		out[node] = order[n]
	}
	if at.Ended {
		out[at.Phase] = done // an end is called as the phase is
		for node, f := range out {
			if f.Class() == "now" { // nothing is waited for any more: it was taken back, or was not needed
				out[node] = fate{f.Fate, "–"}
			}
		}
	}
	return out
}
