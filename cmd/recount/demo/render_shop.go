package demo

import (
	"fmt"
	"strings"
	"time"

	"recount/cmd/internal/console"
	"recount/cmd/internal/shopday"
)

func (r Report) renderDay(w *console.Writer) {
	w.Heading("A shop's day: %s orders and %s transfers, seed %d, carried out by sagas in %s",
		console.Count(r.Orders), console.Count(int64(shopday.Day{Orders: int(r.Orders)}.Transfers())), r.Seed, console.Seconds(r.DaySeconds))
	r.Shop.renderEndings(w)
	r.Shop.Order.render(w)
	r.Shop.renderStock(w)
	renderPeriods(w, "day", r.Shop.Days)
	renderPeriods(w, "month", r.Shop.Months)
	r.Shop.renderTransfers(w)
	r.Shop.renderStuck(w)
}

func (s Shop) renderEndings(w *console.Writer) {
	t := console.Table{Columns: []console.Column{
		console.Text("orders that are now"), console.Text("why"), console.Number("orders"), console.Number("worth"),
	}}
	for _, e := range s.Endings {
		t.Rows = append(t.Rows, []string{e.Status, e.Reason, console.Count(int64(e.Orders)), console.Money(e.Total, e.Currency)})
	}
	w.Table(t)
}

func (o *OrderPath) render(w *console.Writer) {
	if o == nil {
		return
	}
	w.Heading("Order history: %s of %s, %s, which went through most", o.OrderID, o.CustomerID, console.Money(o.Total, o.Currency))
	t := console.Table{Columns: []console.Column{
		console.Text("valid at (UTC)"), console.Text("event"), console.Text("status"), console.Text("by"), console.Number("refund"), console.Text("reason"),
	}}
	for _, step := range o.Steps {
		refund := ""
		if step.Refund != 0 {
			refund = console.Money(step.Refund, step.Currency)
		}
		t.Rows = append(t.Rows, []string{moment(step.ValidAt), step.Event, step.Status, step.Actor, refund, step.Reason})
	}
	w.Table(t)
}

func (s Shop) renderStock(w *console.Writer) {
	w.Heading("Inventory allocation: the articles that were short most often, in pieces")
	t := console.Table{Columns: []console.Column{
		console.Text("article"), console.Number("received"), console.Number("shipped"), console.Number("on hand at " + shopday.Noon().Format("15:04")),
		console.Number("on hand"), console.Number("allocated"), console.Number("free"), console.Number("shortages"),
	}}
	for _, a := range s.Stock {
		row := []string{a.SKU}
		for _, n := range []int64{a.Received, a.Shipped, a.OnHandThen, a.OnHand, a.Allocated, a.Free, a.Shortages} {
			row = append(row, console.Count(n))
		}
		t.Rows = append(t.Rows, row)
	}
	w.Table(t)
}

func renderPeriods(w *console.Writer, period string, all []Period) {
	w.Heading("Financial report by %s", period)
	t := console.Table{Columns: []console.Column{
		console.Text(period), console.Number("payments"), console.Number("revenue"), console.Number("refunds"), console.Number("refunded"),
		console.Number("taxes"), console.Number("earned"),
	}}
	for _, p := range all {
		t.Rows = append(t.Rows, []string{
			p.Period, console.Count(p.Payments), console.Money(p.Revenue, p.Currency), console.Count(p.Refunds),
			console.Money(p.Refunded, p.Currency), console.Money(p.Taxes, p.Currency), console.Money(p.Earned, p.Currency),
		})
	}
	w.Table(t)
}

func (s Shop) renderTransfers(w *console.Writer) {
	w.Heading("What became of the transfers")
	t := console.Table{Columns: []console.Column{
		console.Text("status"), console.Text("why"), console.Text("refused at"), console.Number("transfers"), console.Number("amount"),
	}}
	for _, e := range s.Transfers {
		t.Rows = append(t.Rows, []string{e.Status, e.Code, e.Step, console.Count(int64(e.Transfers)), console.Money(e.Amount, e.Currency)})
	}
	w.Table(t)
}

func (s Shop) renderStuck(w *console.Writer) {
	w.Heading("Sagas that are stuck, as saga list --stuck lists them")
	if len(s.Stuck) == 0 {
		w.Line("  none: there is nothing for an operator to do")
		return
	}
	t := console.Table{Columns: []console.Column{
		console.Text("saga"), console.Text("id"), console.Text("state"), console.Text("step"), console.Number("age"), console.Number("version"),
		console.Text("last error"),
	}}
	for _, i := range s.Stuck {
		age := (time.Duration(i.AgeSeconds) * time.Second).String()
		t.Rows = append(t.Rows, []string{
			i.Saga, i.ID, i.State, i.Step, age, fmt.Sprint(i.Version), strings.TrimSuffix(i.Code+": "+i.Detail, ": "),
		})
	}
	w.Table(t)
}
