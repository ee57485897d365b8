package shopday

import (
	"fmt"
	"time"

	"recount/domain/shop/order"
)

// back is how much of a line is sent back.
type back struct {
	line   int // from 1
	pieces int64
}

// first is what is sent back first: a piece of the first line.
func (o *wish) first() []back { return []back{{line: 1, pieces: 1}} }

// rest is what is left behind that.
func (o *wish) rest() []back {
	var out []back
	for i, l := range o.lines {
		left := l.pieces
		if i == 0 {
			left--
		}
		if left > 0 {
			out = append(out, back{line: i + 1, pieces: left})
		}
	}
	return out
}

func (w *World) sendBack(o *wish, returnID string, at time.Time, why string, parts []back) Line {
	var lines []map[string]any
	for _, b := range parts {
		lines = append(lines, map[string]any{"line": b.line, "quantity": b.pieces})
	}
	return w.day.line("shop.order.return", o.id(), returnID, at, map[string]any{"return_id": returnID, "lines": lines, "reason": why})
}

// takeBack gives the money back and puts the goods back on their shelves; then the customer may think again.
func (w *World) takeBack(o *wish, e order.ItemsReturned) []Line {
	at := o.at.AddDate(0, 0, 3+o.number%9).Add(time.Hour)
	if e.ReturnID != "return-1" {
		at = at.AddDate(0, 0, 2)
	}
	out := []Line{w.refund(o, e, at)}
	for _, l := range e.Lines {
		what := fmt.Sprintf("%s/%s/%d", o.id(), e.ReturnID, l.Line)
		out = append(out, w.day.line("shop.inventory.receive", l.SKU, what, at, map[string]any{"quantity": l.Quantity, "reference": what}))
	}
	if rest := o.rest(); e.ReturnID == "return-1" && o.returns > 1 && len(rest) > 0 {
		out = append(out, w.sendBack(o, "return-2", at.AddDate(0, 0, 1), "nor does the rest", rest))
	}
	return out
}

// refund gives back what a return is worth: what came from an account of the bank by a refund of its own, which has a saga put
// it back there.
func (w *World) refund(o *wish, e order.ItemsReturned, at time.Time) Line {
	data := map[string]any{"amount": e.Refund, "tax": e.RefundTax, "currency": e.Currency, "reason": "returned"}
	if o.account == "" {
		data["refund_id"] = e.ReturnID
		return w.day.line("shop.payment.refund", o.id(), "refund/"+e.ReturnID, at, data)
	}
	data["payment_id"], data["account"] = o.id(), o.account
	return w.day.line("shop.refund.request", o.id()+"-"+e.ReturnID, "request", at, data)
}
