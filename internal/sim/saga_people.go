package sim

import (
	"fmt"
	"strconv"

	"recount/e2e/deals"
	"recount/internal/engine"
	"recount/internal/es"
)

// early tells a process of a timer before its time, as an owner does whose clock is far ahead. The timer itself comes later.
func (w *sagaWorld) early() {
	id, ok := w.somebody()
	if !ok {
		return
	}
	p, bare := w.instance(id)
	timers := p.Timers(w.states[id])
	if len(timers) == 0 {
		return
	}
	w.counts.early++
	t := timers[w.rng.IntN(len(timers))]
	meta := es.CommandMeta{
		CommandID: "timer/" + t.Name + "/" + strconv.FormatInt(t.Due, 10), AggregateID: bare, CorrelationID: t.Correlation, ProcessID: w.full(p, bare),
	}
	value, err := w.frames.Processes(w.context.Name).AppendTick(nil, &meta, t)
	w.put(bare, meta.ProcessID, value, err)
}

// order has an operator interfere with somebody. Giving up is ordered of transfers alone: an order whose parcel leaves
// meanwhile would be stuck with a parcel to catch, and no retry catches it.
func (w *sagaWorld) order() {
	id, ok := w.somebody()
	if !ok {
		return
	}
	p, bare := w.instance(id)
	what := es.OrderRetry
	if w.context.Name == deals.Bank && w.rng.IntN(2) == 0 {
		what = es.OrderCompensate
	}
	w.tell(p, bare, what)
}

func (w *sagaWorld) tell(p es.Process, bare string, what es.Order) {
	w.asked++
	w.counts.orders++
	meta := es.CommandMeta{CommandID: fmt.Sprint("order ", w.asked), AggregateID: bare, Actor: "operator", ProcessID: w.full(p, bare)}
	value, err := w.frames.Processes(w.context.Name).AppendOrder(nil, &meta, what, "because")
	w.put(bare, meta.ProcessID, value, err)
}

func (w *sagaWorld) put(bare, process string, value []byte, err error) {
	if err != nil {
		w.fail(err)
		return
	}
	w.logs[homeOf(bare)].inbox.append(engine.Record{Key: []byte(process), Value: value})
}

func (w *sagaWorld) full(p es.Process, bare string) string {
	return w.context.Name + "/" + p.Name() + "/" + bare
}

// somebody is an instance.
func (w *sagaWorld) somebody() (string, bool) {
	all := sortedKeys(w.states)
	if len(all) == 0 {
		return "", false
	}
	return all[w.rng.IntN(len(all))], true
}
