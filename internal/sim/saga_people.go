package sim

import (
	"fmt"
	"slices"
	"strconv"

	"recount/domain/bank/transfer"
	"recount/domain/shop/accountrefund"
	"recount/internal/engine"
	"recount/internal/es"
)

// early tells a process of a timer before its time, as an owner does whose clock is far ahead. The timer itself comes later.
func (w *sagaWorld) early() {
	id, ok := w.somebody()
	if !ok {
		return
	}
	timers := w.process(id).Timers(w.states[id])
	if len(timers) == 0 {
		return
	}
	w.counts.early++
	t := timers[w.rng.IntN(len(timers))]
	context, _, bare := parts(id)
	meta := es.CommandMeta{
		CommandID: "timer/" + t.Name + "/" + strconv.FormatInt(t.Due, 10), AggregateID: bare, CorrelationID: t.Correlation, ProcessID: id,
	}
	value, err := w.frames.Processes(context).AppendTick(nil, &meta, t)
	w.put(id, value, err)
}

// order has an operator interfere with somebody. Giving up is ordered of transfers and refunds alone: an order whose parcel
// leaves meanwhile would be stuck with a parcel to catch, and no retry catches it; and its payment with it.
func (w *sagaWorld) order() {
	id, ok := w.somebody()
	if !ok {
		return
	}
	what, name := es.OrderRetry, w.process(id).Name()
	if (name == transfer.Saga().Name() || name == accountrefund.Saga().Name()) && w.rng.IntN(2) == 0 {
		what = es.OrderCompensate
	}
	w.tell(id, what)
}

func (w *sagaWorld) tell(id string, what es.Order) {
	w.asked++
	w.counts.orders++
	context, _, bare := parts(id)
	meta := es.CommandMeta{CommandID: fmt.Sprint("order ", w.asked), AggregateID: bare, Actor: "operator", ProcessID: id}
	value, err := w.frames.Processes(context).AppendOrder(nil, &meta, what, "because")
	w.put(id, value, err)
}

func (w *sagaWorld) put(id string, value []byte, err error) {
	if err != nil {
		w.fail(err)
		return
	}
	context, _, bare := parts(id)
	w.logs[context][homeOf(bare)].inbox.append(engine.Record{Key: []byte(id), Value: value})
}

// somebody is an instance: mostly one that is under way, for few are, and those that have ended take no notice.
func (w *sagaWorld) somebody() (string, bool) {
	all := sortedKeys(w.states)
	if w.rng.IntN(4) > 0 {
		all = slices.DeleteFunc(all, func(id string) bool { return w.process(id).Standing(w.states[id]).Ended })
	}
	if len(all) == 0 {
		return "", false
	}
	return all[w.rng.IntN(len(all))], true
}
