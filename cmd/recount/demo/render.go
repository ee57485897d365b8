package demo

import (
	"fmt"
	"io"
	"time"

	"recount/cmd/internal/console"
)

// Render writes r for people.
func (r Report) Render(out io.Writer) error {
	w := console.New(out)
	r.renderRates(w)
	r.renderOutcomes(w)
	r.renderRichest(w)
	r.renderTotals(w)
	r.Statement.render(w)
	r.renderDay(w)
	w.Heading("Checks, each computed in ClickHouse")
	for _, c := range r.Checks {
		w.Mark(c.Passed, c.sentence())
	}
	w.Line("")
	return w.Err()
}

func (r Report) renderRates(w *console.Writer) {
	c := r.Conditions
	w.Heading("A bank's month: %s commands, seed %d", console.Count(r.Commands), r.Seed)
	t := console.Table{Columns: []console.Column{
		console.Text("stage"), console.Number("commands"), console.Number("time"), console.Number("commands/s"),
	}}
	for _, rate := range r.Rates {
		t.Rows = append(t.Rows, []string{
			rate.Stage, console.Count(rate.Commands), console.Seconds(rate.Seconds), console.Count(int64(rate.PerSecond)),
		})
	}
	w.Table(t)
	w.Line("  Times begin with the first command sent. %d CPUs, %s, %s, %d partitions; Kafka %s, ClickHouse %s.",
		c.CPUs, c.Platform, c.Go, c.Partitions, c.Kafka, c.ClickHouse)
}

func (r Report) renderOutcomes(w *console.Writer) {
	w.Heading("What became of the commands")
	t := console.Table{Columns: []console.Column{console.Text("to"), console.Text("outcome"), console.Number("commands")}}
	for _, o := range r.Outcomes {
		t.Rows = append(t.Rows, []string{o.Context, o.Outcome, console.Count(o.Commands)})
	}
	w.Table(t)

	w.Heading("Commands without an event, by code, as the view has them")
	t = console.Table{Columns: []console.Column{console.Text("outcome"), console.Text("code"), console.Number("commands")}}
	for _, f := range r.Refusals {
		t.Rows = append(t.Rows, []string{f.Outcome, f.Code, console.Count(int64(f.Commands))})
	}
	w.Table(t)
}

func (r Report) renderRichest(w *console.Writer) {
	w.Heading("Richest accounts")
	t := console.Table{Columns: []console.Column{
		console.Text("account"), console.Text("customer"), console.Number("balance"), console.Text("status"), console.Number("version"),
	}}
	for _, a := range r.Richest {
		t.Rows = append(t.Rows, []string{
			a.AccountID, a.Customer, console.Money(a.Balance, a.Currency), a.Status, console.Count(int64(a.Version)),
		})
	}
	w.Table(t)
}

func (r Report) renderTotals(w *console.Writer) {
	w.Heading("Totals by month, as every insert kept them")
	t := console.Table{Columns: []console.Column{
		console.Text("month"), console.Text("event"), console.Number("events"), console.Number("amount"),
	}}
	for _, m := range r.Totals {
		t.Rows = append(t.Rows, []string{m.Month, m.Event, console.Count(int64(m.Events)), console.Money(m.Amount, m.Currency)})
	}
	w.Table(t)
}

func (s *Statement) render(w *console.Writer) {
	if s == nil {
		return
	}
	w.Heading("Statement of %s: the last lines, in the order of the world", s.AccountID)
	t := console.Table{Columns: []console.Column{
		console.Text("valid at (UTC)"), console.Text("event"), console.Text("reference"), console.Number("amount"),
		console.Number("balance"), console.Number("version"), console.Text(""),
	}}
	for _, l := range s.Lines {
		t.Rows = append(t.Rows, []string{
			moment(l.ValidAt), l.Event, l.Reference, signed(l), console.Money(l.Balance, l.Currency),
			console.Count(int64(l.Version)), late(l),
		})
	}
	w.Table(t)

	w.Heading("%s at %d moments, by all that is known today", s.AccountID, len(s.Moments))
	t = console.Table{Columns: []console.Column{
		console.Text("SELECT * FROM account_as_of(at = …)"), console.Number("balance"), console.Text("status"), console.Number("version"),
	}}
	for _, m := range s.Moments {
		t.Rows = append(t.Rows, []string{
			"'" + moment(m.At) + "'", console.Money(m.Balance, m.Currency), m.Status, console.Count(int64(m.Version)),
		})
	}
	w.Table(t)
}

// signed is empty for what moved no money.
func signed(l Line) string {
	if l.Amount == 0 {
		return ""
	}
	sign := ""
	if l.Amount > 0 {
		sign = "+"
	}
	return sign + console.Money(l.Amount, l.Currency)
}

func late(l Line) string {
	if l.Late {
		return "entered late"
	}
	return ""
}

func moment(at time.Time) string { return at.UTC().Format(time.DateTime) }

// verdict is what a failed demo ends with.
func (b Books) verdict() error {
	failed := 0
	for _, c := range b.Checks {
		if !c.Passed {
			failed++
		}
	}
	if failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks do not hold", failed, len(b.Checks))
}
