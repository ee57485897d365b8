package webconsole

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"recount/internal/es"
)

// diagram is a machine with the path of an instance, ready to be drawn: the way forward runs down on the left, the way back
// up on the right.
type diagram struct {
	Width, Height int
	Nodes         []node
	Lines         []line
}

// node is a box. X and Y are its upper left corner.
type node struct {
	Name string
	fate
	X, Y int
}

// line leads from box to box.
type line struct {
	Path   string // as SVG has it
	Back   bool
	Passed bool
	Why    string
}

// Sizes, in the drawing's units: a pixel each, unless the page is zoomed.
const (
	boxWidth  = 176
	boxHeight = 46
	gapX      = 28
	gapY      = 44
	margin    = 12
)

// Width and Height of a box, for the page.
func (node) BoxWidth() int  { return boxWidth }
func (node) BoxHeight() int { return boxHeight }

// Middle is the box's middle, from the left.
func (n node) Middle() int { return n.X + boxWidth/2 }

// FirstLine and SecondLine are where the box's lines of text stand.
func (n node) FirstLine() int  { return n.Y + 19 }
func (n node) SecondLine() int { return n.Y + 36 }

// Word is what became of the node, in words.
func (n node) Word() string {
	if !n.Passed() {
		return "not reached"
	}
	return n.Sign + " " + string(n.Fate)
}

// draw lays a machine out and marks the path that an instance has taken.
func draw(m es.Machine, known map[string]fate) diagram {
	edges := named(m.Edges())
	places, columns, rows := layout(m, edges)
	d := diagram{Width: 2*margin + columns*(boxWidth+gapX) - gapX, Height: 2*margin + rows*(boxHeight+gapY)}
	boxes := map[string]node{}
	for name, at := range places {
		box := node{Name: name, fate: known[name], X: margin + at.column*(boxWidth+gapX), Y: margin + at.row*(boxHeight+gapY)}
		if at.between {
			box.Y += (boxHeight + gapY) / 2
		}
		boxes[name] = box
	}
	for _, e := range edges {
		from, to := boxes[e.From], boxes[e.To]
		d.Lines = append(d.Lines, line{Path: curve(from, to, e.Back), Back: e.Back, Passed: taken(e, from, to), Why: e.Why})
	}
	for _, n := range boxes {
		d.Nodes = append(d.Nodes, n)
	}
	slices.SortFunc(d.Nodes, func(a, b node) int { return cmp.Or(cmp.Compare(a.Y, b.Y), cmp.Compare(a.X, b.X)) })
	slices.SortStableFunc(d.Lines, func(a, b line) int { return rankOf(a) - rankOf(b) }) // those that were taken above the others
	return d
}

func rankOf(l line) int {
	if l.Passed {
		return 1
	}
	return 0
}

// named gives the beginning and the ends names of their own.
func named(edges []es.Edge) []es.Edge {
	out := slices.Clone(edges)
	for i, e := range out {
		if e.From == "" {
			out[i].From = nodeStart
		}
		if e.To == "" && e.Back {
			out[i].To = nodeCompensated
		} else if e.To == "" {
			out[i].To = nodeCompleted
		}
	}
	return out
}

// place is where a node stands in the grid: in a row, or between it and the next.
type place struct {
	column, row int
	between     bool
}

// layout puts a node below all that lead to it forward, and what undoes a step between its row and the next, right of every
// step.
func layout(m es.Machine, edges []es.Edge) (places map[string]place, columns, rows int) {
	row := map[string]int{nodeStart: 0}
	for range m.Steps { // each pass settles at least one step more, and the ends
		for _, e := range edges {
			if !e.Back {
				row[e.To] = max(row[e.To], row[e.From]+1)
			}
		}
	}
	places = map[string]place{nodeStart: {}}
	used := map[int]int{0: 1}
	put := func(name string, in int) {
		places[name] = place{used[in], in, false}
		used[in]++
		rows = max(rows, in+1)
	}
	for _, s := range m.Steps {
		put(s.Name, row[s.Name])
	}
	put(nodeCompleted, row[nodeCompleted])
	for _, n := range used {
		columns = max(columns, n)
	}
	back := columns // where the way back begins
	used = map[int]int{}
	putBack := func(name string, in int) {
		if _, is := places[name]; is {
			return
		}
		places[name] = place{back + used[in], in, true}
		used[in]++
		columns = max(columns, back+used[in])
	}
	if m.Abandons {
		putBack(es.AbandonNode, 0)
	}
	putBack(nodeCompensated, 0)
	for _, s := range slices.Backward(m.Steps) { // the way back comes to the last first
		if s.Undone {
			putBack(es.UndoNode(s.Name), row[s.Name])
		}
	}
	return places, columns, rows
}

// curve is the way from box to box. Forward it leads from the bottom to the top. Back it runs between the rows, where what
// undoes a step has its middle: into the left side of a box there, or up into the bottom of one that is higher.
func curve(from, to node, back bool) string {
	switch {
	case !back:
		return bow(from.Middle(), from.Y+boxHeight, to.Middle(), to.Y)
	case from.Y == to.Y && from.X < to.X:
		return fmt.Sprintf("M%d,%d L%d,%d", from.X+boxWidth, from.Y+boxHeight/2, to.X, to.Y+boxHeight/2)
	case from.Y == to.Y:
		return fmt.Sprintf("M%d,%d L%d,%d", from.X, from.Y+boxHeight/2, to.X+boxWidth, to.Y+boxHeight/2)
	case from.X >= to.X || (from.Y-to.Y)%(boxHeight+gapY) == 0: // both are on the way back
		return bow(from.Middle(), from.Y, to.Middle(), to.Y+boxHeight)
	}
	edge, lane := from.Y, from.Y-gapY/2 // above from
	if to.Y > from.Y {
		edge, lane = from.Y+boxHeight, from.Y+boxHeight+gapY/2
	}
	begin := fmt.Sprintf("M%d,%d Q%d,%d %d,%d", from.Middle(), edge, from.Middle(), lane, from.Middle()+gapX, lane)
	if lane == to.Y+boxHeight/2 {
		return begin + fmt.Sprintf(" L%d,%d", to.X, lane)
	}
	return begin + fmt.Sprintf(" L%d,%d Q%d,%d %d,%d", to.Middle()-gapX, lane, to.Middle(), lane, to.Middle(), to.Y+boxHeight)
}

// bow is a curve that begins and ends upright.
func bow(x1, y1, x2, y2 int) string {
	half := (y2 - y1) / 2
	return fmt.Sprintf("M%d,%d C%d,%d %d,%d %d,%d", x1, y1, x1, y1+half, x2, y2-half, x2, y2)
}

// taken says whether an instance went along an edge: both ends were reached, and from did not go well if the edge leads back
// from a step.
func taken(e es.Edge, from, to node) bool {
	if !from.Passed() || !to.Passed() {
		return false
	}
	forward := from.Class() == "good" || from.Class() == "skipped"
	wayBack := from.Name == es.AbandonNode || strings.HasPrefix(from.Name, es.UndoNode(""))
	return forward && (!e.Back || wayBack) || e.Back && !forward
}
