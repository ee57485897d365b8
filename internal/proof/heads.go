package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"recount/internal/es"
)

// Head is the newest event of an aggregate: whoever knows it knows, by the chain, all that lie before it.
type Head struct {
	Aggregate string // its type
	ID        string
	Version   int64
	Chain     es.Hash
}

// Compare orders heads by type and ID.
func (h Head) Compare(o Head) int {
	return cmp.Or(strings.Compare(h.Aggregate, o.Aggregate), strings.Compare(h.ID, o.ID))
}

// Result is what came of a walk.
type Result struct {
	Events     int64
	Aggregates int64
	// Broken is how many aggregates have a break; Breaks names the first of each, of ten thousand at most, by offset.
	Broken int64
	Breaks []Break
	// Heads are those of the aggregates without a break, sorted.
	Heads []Head
}

// End compares what the walk has seen with the anchored heads, and returns what came of it. next is the offset at which
// the log ended when it was read.
func (w *Walk) End(next int64) Result {
	var out Result
	for name, h := range w.heads {
		if a := h.anchor; a != nil && h.version < a.Version {
			w.note(h, Record{Offset: next}, subject{a.Aggregate, a.ID, h.version}, Cut,
				fmt.Sprintf("the anchor has version %d, the log ends at version %d", a.Version, h.version))
		}
		if h.version == 0 {
			continue
		}
		out.Aggregates++
		if !h.broken {
			aggregate, id, _ := strings.Cut(name, "/") // a type's name has no slash
			out.Heads = append(out.Heads, Head{aggregate, id, h.version, h.chain})
		}
	}
	slices.SortFunc(out.Heads, Head.Compare)
	slices.SortFunc(w.breaks, func(a, b Break) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), strings.Compare(a.Aggregate, b.Aggregate), strings.Compare(a.ID, b.ID))
	})
	out.Events, out.Broken, out.Breaks = w.events, w.broken, w.breaks
	return out
}
