package status

import (
	"fmt"
	"io"
	"strconv"

	"recount/cmd/internal/console"
)

// Part is a part of a report as people read it: marks, or a table.
type Part struct {
	Heading string
	Marks   []Mark
	console.Table
}

// Mark says whether something holds.
type Mark struct {
	Holds bool
	Text  string
}

// Parts are all of a report but its warnings.
func (r *Report) Parts() []Part {
	first := Part{Heading: "Services and roles"}
	for _, s := range r.Services {
		first.Marks = append(first.Marks, Mark{s.Reachable, s.Name})
	}
	for _, p := range r.Roles {
		first.Marks = append(first.Marks, Mark{p.Ready, "role at " + p.place()})
	}
	out := []Part{first}
	for _, c := range r.Contexts {
		out = append(out, Part{Heading: fmt.Sprintf("%s: %d aggregator sessions, group %s", c.Name, len(c.Members), c.Group), Table: partitions(c)})
	}
	if len(r.Views) > 0 {
		out = append(out, Part{Heading: "Views", Table: views(r)})
	}
	if len(r.Sagas) > 0 {
		out = append(out, Part{Heading: "Sagas", Table: sagas(r)})
	}
	if len(r.Transactions) > 0 {
		out = append(out, Part{Heading: "Open transactions", Table: transactions(r)})
	}
	return out
}

// render writes r for people: what needs somebody last, where a terminal's eye is.
func render(to io.Writer, r *Report) error {
	out := console.New(to)
	for _, part := range r.Parts() {
		out.Heading("%s", part.Heading)
		for _, m := range part.Marks {
			out.Mark(m.Holds, m.Text)
		}
		if len(part.Columns) > 0 {
			out.Table(part.Table)
		}
	}
	if len(r.Warnings) == 0 {
		out.Line("\nNothing needs you.")
		return out.Err()
	}
	out.Heading("%d things need you", len(r.Warnings))
	for _, w := range r.Warnings {
		out.Line("  - %s", console.Clean(w.Text))
		out.Line("    → %s", console.Clean(w.Do))
	}
	return out.Err()
}

// partitions has a line for each: commands and dispatch together, as they have one owner.
func partitions(c Context) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Number("partition"), console.Text("owner"), console.Number("committed"), console.Number("end"), console.Number("behind"), console.Number("age"),
		console.Number("events"), console.Number("held up"),
	}}
	for _, p := range c.Partitions {
		var committed, end, behind, held int64
		var oldest float64
		for _, in := range p.Inputs {
			committed, end, behind, oldest = committed+max(in.Committed, 0), end+in.End, behind+in.LagRecords, max(oldest, in.LagSeconds)
		}
		for _, o := range p.Outputs {
			held += o.End - o.Stable
		}
		owner := p.Owner
		if owner == "" {
			owner = "nobody"
		}
		t.Rows = append(t.Rows, []string{
			strconv.Itoa(int(p.Number)), owner, console.Count(committed), console.Count(end), console.Count(behind), age(oldest),
			console.Count(p.Outputs[0].End), console.Count(held),
		})
	}
	return t
}

func views(r *Report) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("context"), console.Text("view"), console.Number("generation"), console.Number("behind"), console.Number("age"),
	}}
	for _, v := range r.Views {
		generation := strconv.Itoa(v.Generation)
		if v.Generation == 0 {
			generation = "none yet"
		}
		t.Rows = append(t.Rows, []string{v.Context, v.View, generation, console.Count(v.LagRecords), age(v.LagSeconds)})
	}
	return t
}

func sagas(r *Report) console.Table {
	workers := map[string]string{}
	for _, c := range r.Contexts {
		if c.Sagas != nil {
			workers[c.Name] = strconv.Itoa(len(c.Sagas.Members))
		}
	}
	t := console.Table{Columns: []console.Column{
		console.Text("context"), console.Text("saga"), console.Number("sessions"), console.Number("running"), console.Number("compensating"),
		console.Number("stuck"), console.Number("oldest"),
	}}
	for _, s := range r.Sagas {
		t.Rows = append(t.Rows, []string{
			s.Context, s.Saga, workers[s.Context], console.Count(s.Running), console.Count(s.Compensating), console.Count(s.Stuck), age(s.OldestSeconds),
		})
	}
	return t
}

func transactions(r *Report) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("partition"), console.Number("producer"), console.Text("transactional ID"), console.Number("age"), console.Text("standing"), console.Text("holds up readers"),
	}}
	for _, o := range r.Transactions {
		holds := "no"
		if o.HoldsStable {
			holds = "yes"
		}
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%s/%d", o.Topic, o.Partition), strconv.FormatInt(o.ProducerID, 10), o.TransactionalID, age(o.AgeSeconds), string(o.Standing), holds,
		})
	}
	return t
}
