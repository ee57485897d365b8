package es

import (
	"fmt"
	"strings"
)

// Edge leads from one node of a machine's diagram to another. A node is a step's name, UndoNode of one, or AbandonNode.
type Edge struct {
	// From is "" where it begins, To "" where it ends.
	From, To string
	// Why it is taken.
	Why string
	// Back says that it belongs to the way back, on which what was done is undone.
	Back bool
}

// AbandonNode is the node of what is sent once everything is undone.
const AbandonNode = "abandon"

// UndoNode is the node of what takes a step back.
func UndoNode(step string) string { return "undo_" + step }

// Node is the node of the machine's diagram that the attempt belongs to.
func (a Attempt) Node() string {
	if a.Undo {
		return UndoNode(a.Step)
	}
	return a.Step
}

// Edges are all ways from node to node: first those forward, from the first step to the last; then the way back, from each
// step that may be refused, over what undoes the steps before it, in reverse.
func (m Machine) Edges() []Edge {
	var out []Edge
	behind := map[string]bool{} // steps that others wait for
	for _, s := range m.Steps {
		for _, before := range s.After {
			behind[before] = true
		}
	}
	for _, s := range m.Steps {
		if len(s.After) == 0 {
			out = append(out, Edge{To: s.Name, Why: strings.Join(m.Starts, ", ")})
		}
		for _, before := range s.After {
			out = append(out, Edge{From: before, To: s.Name, Why: "done"})
		}
		if !behind[s.Name] {
			out = append(out, Edge{From: s.Name, Why: "completed"})
		}
	}
	return append(out, m.back()...)
}

func (m Machine) back() []Edge {
	var out []Edge
	target := ""
	if m.Abandons {
		target = AbandonNode
		out = append(out, Edge{From: AbandonNode, Why: "compensated", Back: true})
	}
	why := m.whyBack()
	for _, s := range m.Steps {
		out = append(out, Edge{From: s.Name, To: target, Why: why, Back: true})
		if s.Undone {
			out = append(out, Edge{From: UndoNode(s.Name), To: target, Why: "undone", Back: true})
			target = UndoNode(s.Name)
		}
		if s.Final {
			break // behind it there is no way back
		}
	}
	return out
}

func (m Machine) whyBack() string {
	why := "refused"
	if m.DeadlineMillis > 0 {
		why += fmt.Sprintf(", or %d s have passed", m.DeadlineMillis/1000)
	}
	if len(m.Stops) > 0 {
		why += ", or " + strings.Join(m.Stops, ", ")
	}
	return why
}
