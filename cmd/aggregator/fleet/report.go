package fleet

import (
	"fmt"
	"slices"
	"strings"

	"recount/cmd/internal/console"
	"recount/internal/kafka"
	"recount/internal/worker/steer"
)

// report is a context's partitions and workers.
type report struct {
	Context    string            `json:"context"`
	Group      string            `json:"group_state"`
	Workers    []workerReport    `json:"workers"`
	Partitions []partitionReport `json:"partitions"`
}

// workerReport is one worker.
type workerReport struct {
	Name     string `json:"name"`
	Sessions int    `json:"sessions"`
	Owns     int    `json:"owns"`
	Follows  int    `json:"follows"`
	Standbys int    `json:"standbys"` // how many it is ready to follow
	Capacity int    `json:"capacity"` // 0: no limit
	Drained  bool   `json:"drained"`
}

// partitionReport is one partition.
type partitionReport struct {
	Partition int32 `json:"partition"`
	// Owner is whom the group has given it, empty in the middle of a rebalance; TakenOver says that it decides.
	Owner     string `json:"owner"`
	TakenOver bool   `json:"taken_over"`
	// Lag is how many commands wait.
	Lag    int64        `json:"lag_commands"`
	Warmth []warmReport `json:"warmth"`
	Pinned string       `json:"pinned,omitempty"`
}

// warmReport is what a worker that does not own a partition has of it.
type warmReport struct {
	Worker string     `json:"worker"`
	Role   kafka.Role `json:"role"`
	Behind int64      `json:"behind_events"`
	// Fresh says that the worker said so lately.
	Fresh bool `json:"fresh"`
}

func reportOf(name string, s steer.Standing, waiting map[int32]int64) report {
	r := report{Context: name, Group: s.State, Workers: []workerReport{}, Partitions: []partitionReport{}}
	for _, w := range s.Workers {
		follows := 0
		for p := range w.Holdings {
			if h, fresh := s.Has(w, p); fresh && h.Role == kafka.StandbyRole {
				follows++
			}
		}
		r.Workers = append(r.Workers, workerReport{
			Name: w.Name, Sessions: w.Sessions, Owns: len(w.Assigned), Follows: follows, Standbys: w.Standbys, Capacity: w.Capacity,
			Drained: s.Orders.Drains[w.Name],
		})
	}
	for p := range int32(len(s.Ends)) {
		owner := s.Owner(p)
		pr := partitionReport{
			Partition: p, Owner: owner, TakenOver: owner != "" && s.Owns(owner, p), Lag: waiting[p], Pinned: s.Orders.Pins[p], Warmth: []warmReport{},
		}
		for _, w := range s.Workers {
			behind, known := s.Behind(w, p)
			if h, fresh := s.Has(w, p); known && w.Name != owner && (h.Position > 0 || h.Role != kafka.IdleRole) {
				pr.Warmth = append(pr.Warmth, warmReport{Worker: w.Name, Role: h.Role, Behind: behind, Fresh: fresh})
			}
		}
		slices.SortFunc(pr.Warmth, func(a, b warmReport) int { return int(min(max(a.Behind-b.Behind, -1), 1)) })
		r.Partitions = append(r.Partitions, pr)
	}
	return r
}

func (r report) render(w *console.Writer) {
	w.Heading("%s", r.Context)
	switch {
	case !kafka.Settled(r.Group):
		w.Line("  the group shares its partitions out anew (%s): who owns what is known when it has come to an end", r.Group)
	case len(r.Workers) == 0:
		w.Line("  nobody decides its commands: aggregator run starts a worker")
	}
	workers := console.Table{Columns: []console.Column{
		console.Text("worker"), console.Number("sessions"), console.Number("owns"), console.Number("follows"), console.Text(""),
	}}
	for _, x := range r.Workers {
		note := ""
		if x.Drained {
			note = "drained"
		}
		workers.Rows = append(workers.Rows, []string{x.Name, fmt.Sprint(x.Sessions), fmt.Sprint(x.Owns), fmt.Sprint(x.Follows), note})
	}
	if len(workers.Rows) > 0 {
		w.Table(workers)
		w.Line("")
	}
	partitions := console.Table{Columns: []console.Column{
		console.Number("partition"), console.Text("owner"), console.Number("waiting"), console.Text("also at hand, events behind"), console.Text("pinned to"),
	}}
	for _, p := range r.Partitions {
		partitions.Rows = append(partitions.Rows, []string{fmt.Sprint(p.Partition), p.owner(), console.Count(p.Lag), p.warmth(), p.Pinned})
	}
	w.Table(partitions)
}

func (p partitionReport) owner() string {
	switch {
	case p.Owner == "":
		return "nobody now"
	case !p.TakenOver:
		return p.Owner + ", taking over"
	}
	return p.Owner
}

func (p partitionReport) warmth() string {
	var out []string
	for _, x := range p.Warmth {
		text := fmt.Sprintf("%s %s", x.Worker, console.Count(x.Behind))
		switch {
		case x.Role == kafka.FillingRole:
			text += " (filling)"
		case x.Role == kafka.IdleRole:
			text += " (at rest)"
		case !x.Fresh:
			text += " (silent)"
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}
