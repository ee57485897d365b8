package sim

import (
	"fmt"
	"strings"
	"time"

	"recount/domain/shop/payment"
)

// figures count what happened in runs, so that nobody takes runs in which nothing happened for a proof.
type figures struct {
	runs, commands, events               int
	aborts, zombies, takeovers, restores int
	checkpoints, restarts, clockStops    int
	handovers                            int // by standbys
	crashes                              map[point]int
	// Of sagas: how many, their timers that came due and those told before their time, commands that failed, ends that
	// nobody heard of, and orders of operators; refunds into accounts, those of them that left nothing of their payment,
	// and those that were taken back.
	sagas, ticks, early, stumbles, unheard, orders int
	refunds, whole, reversed                       int
	virtual                                        time.Duration
}

func (f *figures) crash(at point) {
	if f.crashes == nil {
		f.crashes = map[point]int{}
	}
	f.crashes[at]++
}

// refund counts what goes back into an account.
func (f *figures) refund(e payment.PaymentRefunded) {
	if e.Account == "" {
		return
	}
	f.refunds++
	if e.StatusAfter == payment.StatusRefunded {
		f.whole++
	}
}

func (f *figures) add(o figures) {
	f.runs += o.runs
	f.commands += o.commands
	f.events += o.events
	f.aborts += o.aborts
	f.zombies += o.zombies
	f.takeovers += o.takeovers
	f.restores += o.restores
	f.checkpoints += o.checkpoints
	f.restarts += o.restarts
	f.handovers += o.handovers
	f.clockStops += o.clockStops
	f.virtual += o.virtual
	f.sagas += o.sagas
	f.ticks += o.ticks
	f.early += o.early
	f.stumbles += o.stumbles
	f.unheard += o.unheard
	f.orders += o.orders
	f.refunds += o.refunds
	f.whole += o.whole
	f.reversed += o.reversed
	for at, n := range o.crashes {
		for range n {
			f.crash(at)
		}
	}
}

func (f *figures) String() string {
	var b strings.Builder
	line := func(n int, what string) { fmt.Fprintf(&b, "%9d %s\n", n, what) }
	line(f.runs, "runs, "+f.virtual.Round(time.Second).String()+" of virtual time")
	if f.sagas > 0 {
		line(f.sagas, "instances of sagas")
		line(f.ticks, "timers that came due")
		line(f.early, "timers told before their time")
		line(f.stumbles, "commands of sagas that failed")
		line(f.unheard, "transactions whose end nobody heard of")
		line(f.takeovers, "desks taken over")
		line(f.orders, "orders of operators")
		if f.refunds > 0 {
			line(f.refunds, "refunds into accounts")
			line(f.whole, "of them of everything that was paid")
			line(f.reversed, "of them taken back")
		}
		return b.String()
	}
	line(f.commands, "commands")
	line(f.events, "events")
	line(f.aborts, "transactions aborted")
	line(f.takeovers, "partitions taken over")
	line(f.handovers, "of them handed over by a standby of the same worker")
	line(f.restores, "partitions filled from snapshots or from zero")
	line(f.checkpoints, "checkpoints")
	line(f.zombies, "zombies that woke after a takeover")
	line(f.clockStops, "workers stopped by their clock")
	line(f.restarts, "sessions started again")
	total := 0
	for _, n := range f.crashes {
		total += n
	}
	line(total, "crashes:")
	for _, at := range append(points(), nowhere) {
		if n := f.crashes[at]; n > 0 {
			line(n, "  "+string(either(at == nowhere, "wherever it stood", at)))
		}
	}
	return b.String()
}

// observe counts what a run has left in the log.
func (f *figures) observe(h *history) {
	for _, p := range h.parts {
		f.commands += len(p.inputs[0]) + len(p.inputs[1])
		f.events += len(p.events)
	}
}
