package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"recount/e2e/deals"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// sagaWorld is a pure world with sagas in it: in every partition of every context two engines, one of the aggregates and one
// of the processes, that hear from each other through the log alone. Time is virtual, and passes where it hurts: timers come due
// early by somebody's clock, late because nobody owns the partition, and in the middle of a takeover.
type sagaWorld struct {
	contexts []es.Context // the first one's deals are carried out, the other is what they reach into
	mutation mutation
	rng      *rand.Rand
	frames   *serde.Codec
	workload deals.Workload
	millis   int64 // the true time
	waiting  []deals.Line
	late     []deals.Line          // asked for when nothing goes wrong any more, so that something is still waited for then
	logs     map[string][]*sagaLog // by context
	desks    []*desk
	// states are what the instances have come to, by the log and under their full IDs, and asked how many orders operators
	// have given.
	states   map[string]any
	asked    int
	settling bool
	counts   figures
	trace    trace
	err      error
}

// sagaLog is what the topics of one partition hold.
type sagaLog struct {
	commands, dispatch, events, refusals, inbox, processes, processRefusals topicLog
}

// topicLog is one partition of one topic. Markers take offsets too.
type topicLog struct {
	records []record
	end     int64
}

func (t *topicLog) append(r engine.Record) {
	t.records = append(t.records, record{t.end, bytes.Clone(r.Key), bytes.Clone(r.Value), nil})
	t.end++
}

const (
	sagaPartitions = 3
	sagaTurns      = 4_000 // in which things go wrong
	sagaTransfers  = 60
	sagaOrders     = 40
	sagasLate      = 15
	sagaStep       = 400    // milliseconds: a turn takes less
	sagaJump       = 90_000 // milliseconds: how long nothing may happen
)

// runSagas has the deals of a context carried out as seed decides, and returns what does not hold of what was left.
func runSagas(what code, seed uint64, context string) result {
	w := newSagaWorld(what, seed, context)
	out := result{trace: &w.trace}
	if err := w.run(); err != nil {
		out.breaches = append(out.breaches, breach{endsWell, err.Error()})
	}
	w.counts.runs, w.counts.sagas, w.counts.virtual = 1, len(w.states), time.Duration(w.millis-pureBegan)*time.Millisecond
	out.counts, out.breaches = w.counts, append(out.breaches, w.breaches()...)
	return out
}

func newSagaWorld(what code, seed uint64, context string) *sagaWorld {
	w := &sagaWorld{
		mutation: what.mutation, frames: what.frames, rng: stream(seed, whoIsThere), millis: pureBegan, states: map[string]any{},
		workload: deals.Workload{Seed: seed, Accounts: 40, SKUs: 6, Customers: 20, Stock: 20, Debits: 40, Refunds: 60},
		logs:     map[string][]*sagaLog{},
	}
	for _, c := range what.contexts {
		switch c.Name {
		case context:
			w.contexts = slices.Insert(w.contexts, 0, c)
		case deals.Bank: // whose accounts the shop's sagas take money from
			w.contexts = append(w.contexts, c)
		}
	}
	for _, c := range w.contexts {
		for n := range int32(sagaPartitions) {
			log := &sagaLog{}
			w.logs[c.Name] = append(w.logs[c.Name], log)
			w.desks = append(w.desks, newDesk(c, n, log, false), newDesk(c, n, log, true))
		}
	}
	w.script()
	return w
}

// about is the context whose deals are carried out.
func (w *sagaWorld) about() string { return w.contexts[0].Name }

// script is what is asked for, in the order in which it is sent.
func (w *sagaWorld) script() {
	for _, l := range w.workload.Opening() {
		if w.concerns(l) {
			w.waiting = append(w.waiting, l)
		}
	}
	if w.about() == deals.Bank {
		for n := range sagaTransfers {
			w.waiting = append(w.waiting, w.workload.Transfer(n)...)
		}
	} else {
		for n := range sagaOrders {
			w.waiting = append(w.waiting, w.workload.Order(n))
		}
	}
	last := len(w.waiting) - sagasLate
	w.waiting, w.late = w.waiting[:last:last], w.waiting[last:]
}

func (w *sagaWorld) concerns(l deals.Line) bool { return w.logs[contextOf(l)] != nil }

func contextOf(l deals.Line) string {
	context, _, _ := strings.Cut(l.Type, ".")
	return context
}

// send publishes the first of what waits.
func (w *sagaWorld) send() {
	for n := 1 + w.rng.IntN(4); n > 0 && len(w.waiting) > 0; n-- {
		l := w.waiting[0]
		w.waiting = w.waiting[1:]
		data, err := json.Marshal(l.Data)
		if err != nil {
			w.fail(err)
			return
		}
		frame, err := w.frames.CommandFromJSON(l.Type, es.CommandMeta{AggregateID: l.ID, CommandID: l.CommandID, Actor: "somebody"}, data)
		if err != nil {
			w.fail(fmt.Errorf("%+v: %w", l, err))
			return
		}
		w.logs[contextOf(l)][homeOf(l.ID)].commands.append(engine.Record{Key: []byte(l.ID), Value: frame})
	}
}

// run lets things go wrong for a while, and then has everything come to its end.
func (w *sagaWorld) run() error {
	for turn := 0; turn < sagaTurns && w.err == nil; turn++ {
		w.millis += w.rng.Int64N(sagaStep)
		w.turn()
	}
	w.settling, w.waiting = true, append(w.waiting, w.late...)
	for turn := 0; w.err == nil; turn++ {
		if turn == turnsMax {
			return errors.New("there is something to do for ever")
		}
		w.send()
		if w.round() || len(w.waiting) > 0 {
			continue
		}
		if !w.passTime() && !w.mend() {
			break
		}
	}
	return w.err
}

// turn does one thing.
func (w *sagaWorld) turn() {
	d := w.desks[w.rng.IntN(len(w.desks))]
	switch n := w.rng.IntN(100); {
	case n < 8:
		w.send()
	case n < 78:
		w.act(d)
	case n < 86:
		w.check(d.flush())
	case n < 90:
		w.crash(d)
	case n < 92:
		d.skew = w.rng.Int64N(2*clockErrorMax) - clockErrorMax
	case n < 95:
		w.early()
	case n < 96:
		w.order()
	case n < 97:
		w.millis += w.rng.Int64N(sagaJump)
	}
}

// round has every desk do what it can, and says whether there was anything to do.
func (w *sagaWorld) round() (done bool) {
	for _, d := range w.desks {
		d.skew = 0
		switch w.rng.IntN(12) { // whoever comes next has what is on the disk, and the log
		case 0:
			w.crash(d)
		case 1:
			w.check(d.flush())
		}
		for w.err == nil && w.act(d) {
			done = true
		}
	}
	return done
}

// passTime goes on to the next moment that anybody waits for; false: nobody does.
func (w *sagaWorld) passTime() bool {
	next, waits := int64(0), false
	for _, d := range w.desks {
		if d.p == nil {
			continue
		}
		if due, is := d.p.NextTimer(); is && (!waits || due < next) {
			next, waits = due, true
		}
	}
	if waits {
		w.millis = max(w.millis+1, next)
	}
	return waits
}

// mendsMax is how often an operator tries.
const mendsMax = 50

// mend has an operator try again what is stuck; false: nothing is, or nothing helps.
func (w *sagaWorld) mend() (some bool) {
	for _, id := range sortedKeys(w.states) {
		if w.process(id).Standing(w.states[id]).Stuck && w.asked < mendsMax {
			w.tell(id, es.OrderRetry)
			some = true
		}
	}
	return some
}

// homeOf is the partition of an ID.
func homeOf(id string) int32 { return partition.Of(id, sagaPartitions) }

func (w *sagaWorld) fail(err error) { w.err = errors.Join(w.err, err) }

func (w *sagaWorld) check(err error) {
	if err != nil {
		w.fail(err)
	}
}
