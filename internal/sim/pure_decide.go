package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"recount/internal/engine"
)

// poll reads what follows the group's place in both channels; how they interleave is free.
func (w *pureWorld) poll(s *share) (batch []engine.Input) {
	var next [2][]record
	for c, records := range s.log.inputs {
		for _, r := range records {
			if r.offset >= s.committed[c] {
				next[c] = append(next[c], r)
			}
		}
	}
	for n := 1 + w.rng.IntN(pureBatchMax); n > 0 && len(next[0])+len(next[1]) > 0; n-- {
		c := w.rng.IntN(2)
		if len(next[c]) == 0 {
			c = 1 - c
		}
		r := next[c][0]
		next[c] = next[c][1:]
		batch = append(batch, engine.Input{Channel: engine.Channel(c), Offset: r.offset, Key: r.key, Value: r.value, Headers: r.headers})
	}
	return batch
}

// decide takes one batch through step, transaction, memory, replies and store, in this order, unless something happens
// in between.
func (w *pureWorld) decide(s *share) {
	if s.owner == nil && !w.takeOver(s) {
		return
	}
	o := s.owner
	if o.p.Checkpointing() && w.rng.IntN(2) == 0 { // its parts come between batches
		w.checkpoint(s)
		return
	}
	batch := w.poll(s)
	if len(batch) == 0 {
		return
	}
	fx := w.step(o, batch)
	if fx == nil {
		return
	}
	if w.mutation == storeFirst {
		w.remember(o, fx)
		w.write(o)
	}
	if w.mutation == answeredTooSoon {
		w.answer(s, fx)
	}
	w.publish(o, fx)
}

// publish ends a transaction with fx well, badly, or in a way that its owner does not learn of.
func (w *pureWorld) publish(o *owner, fx *engine.Effects) {
	s := o.share
	n := w.rng.IntN(100)
	if w.calm {
		n = 0
	}
	switch {
	case n < 80:
		w.commit(o, fx)
	case n < 83:
		w.crash(o.machine, sending)
	case n < 86: // records sent, no end
		s.open = w.transaction(o, fx, false)
		w.crash(o.machine, placing)
	case n < 89: // the end sent, and it may count
		s.open = w.transaction(o, fx, w.rng.IntN(2) == 0)
		w.crash(o.machine, ending)
	case n < 92:
		w.append(s, w.transaction(o, fx, true))
		w.crash(o.machine, ended)
	default:
		w.unknownEnd(o, fx)
	}
}

// step decides batch on o's machine, or returns nil where it must not.
func (w *pureWorld) step(o *owner, batch []engine.Input) *engine.Effects {
	if w.mutation == staleReads && len(batch) > 1 {
		batch = w.stale(o, batch)
	}
	fx, err := o.p.Step(w.millis+o.machine.skew, batch)
	if errors.Is(err, engine.ErrClockBehind) {
		w.counts.clockStops++
		w.stop(o.machine)
		o.machine.skew = 0 // by whoever is called
		return nil
	}
	if err != nil {
		w.fail(err)
		return nil
	}
	if w.mutation == commandSkipped && w.rng.IntN(10) == 0 {
		fx.Next[engine.Commands]++
	}
	if len(fx.Events) > 0 {
		w.alter(&fx.Events[0])
	}
	return fx
}

// alter changes an event behind the chain's back: the overdraft limit of an account that has just been opened.
func (w *pureWorld) alter(e *engine.Record) {
	switch key := string(e.Key); {
	case w.mutation == eventCut:
		e.Value = e.Value[:len(e.Value)-1]
	case w.mutation == eventAltered && strings.HasPrefix(key, "account/") && strings.HasSuffix(key, "/1"):
		e.Value[len(e.Value)-1] ^= 2 // the last byte of a zigzag number
	}
}

// stale decides and publishes the first of batch without letting the rest know, and returns the rest.
func (w *pureWorld) stale(o *owner, batch []engine.Input) []engine.Input {
	fx, err := o.p.Step(w.millis+o.machine.skew, batch[:1])
	if err == nil {
		w.append(o.share, w.transaction(o, fx, true))
	}
	return batch[1:]
}

// transaction is what fx sends: its records, and the places of both channels.
func (w *pureWorld) transaction(o *owner, fx *engine.Effects, commits bool) *transaction {
	t := &transaction{fx: fx, commits: commits}
	for c := range t.next {
		t.next[c] = max(fx.Next[c], o.p.Next(engine.Channel(c)))
	}
	return t
}

// append ends a transaction. Aborted or not, its records and its markers have taken their offsets.
func (w *pureWorld) append(s *share, t *transaction) {
	at := s.ends
	s.ends.events += length(t.fx.Events)
	s.ends.refusals += length(t.fx.Refusals)
	s.ends.snapshots += length(t.fx.Snapshots)
	w.trace.add("partition %d: events %d…, refusals %d…, snapshots %d…, next %v, commits %t", s.number, at.events, at.refusals, at.snapshots, t.next, t.commits)
	if !t.commits {
		w.counts.aborts++
		return
	}
	add := func(to *[]record, offset int64, records []engine.Record) {
		for i, r := range records {
			*to = append(*to, record{offset + int64(i), bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)}) // a step's records are its engine's own
		}
	}
	add(&s.log.events, at.events, t.fx.Events)
	add(&s.log.refusals, at.refusals, t.fx.Refusals)
	add(&s.log.snapshots, at.snapshots, t.fx.Snapshots)
	add(&s.log.deadLetters, int64(len(s.log.deadLetters)), t.fx.DeadLetters)
	for _, r := range t.fx.Dispatch {
		to := &w.history.parts[r.Partition].inputs[engine.Dispatch]
		add(to, int64(len(*to)), []engine.Record{r})
	}
	s.committed = t.next
}

// length is how many offsets records and their marker take.
func length(records []engine.Record) int64 {
	if len(records) == 0 {
		return 0
	}
	return int64(len(records)) + 1
}

// commit is the undisturbed end of a batch.
func (w *pureWorld) commit(o *owner, fx *engine.Effects) {
	w.append(o.share, w.transaction(o, fx, true))
	w.remember(o, fx)
	if w.mutation != answeredTooSoon {
		w.answer(o.share, fx)
	}
}

// remember takes what is known to be committed over into memory, and above the store.
func (w *pureWorld) remember(o *owner, fx *engine.Effects) {
	events, refusals := o.p.Position()
	if len(fx.Events) > 0 {
		events = o.share.ends.events - 1 // the marker is not known of
	}
	if len(fx.Refusals) > 0 {
		refusals = o.share.ends.refusals - 1
	}
	o.p.Commit(fx, events, refusals)
	w.keep(o, fx.Writes, fx.Deletes)
}

// answer tells the callers. Their events are the last that were appended, where they were.
func (w *pureWorld) answer(s *share, fx *engine.Effects) {
	first := s.ends.events - length(fx.Events)
	if w.mutation == answeredTooSoon {
		first = s.ends.events
	}
	for _, a := range fx.Replies {
		t := told{Answer: a}
		if a.Events > 0 {
			t.position = fmt.Sprintf("%s/%d@%d", contextName, s.number, first+int64(a.FirstEvent+a.Events-1))
		}
		w.history.told = append(w.history.told, t)
	}
}

// unknownEnd: the end of the transaction did not say what became of it. Nothing of the batch is used, the log is read.
func (w *pureWorld) unknownEnd(o *owner, fx *engine.Effects) {
	s := o.share
	t := w.transaction(o, fx, w.rng.IntN(2) == 0)
	w.append(s, t)
	w.trace.add("%s, partition %d: an end of unknown outcome", o.machine.name, s.number)
	switch w.mutation {
	case unknownIsCommitted:
		w.remember(o, fx)
		w.answer(s, fx)
		s.committed = t.next // it goes on reading there
		return
	case unknownIsAborted:
		s.committed = [2]int64{o.p.Next(engine.Commands), o.p.Next(engine.Dispatch)}
		return
	}
	if w.rng.IntN(2) == 0 {
		w.catchUp(o)
		return
	}
	w.startAgain(o)
}

// startAgain gives o a new session of the same process, while a write to its store is on its way. What the fold makes is
// written before that write arrives.
func (w *pureWorld) startAgain(o *owner) {
	w.freeze(o)
	var err error
	if w.mutation != leaseKept && w.mutation != olderWriteLands {
		w.release(o)
		o.lease, err = o.machine.leases.Acquire(context.Background(), storeName(o.share.number))
	}
	if err == nil {
		err = w.open(o)
	}
	if err != nil {
		w.fail(err)
		return
	}
	if w.catchUp(o) {
		w.write(o)
	}
}

func (w *pureWorld) fail(err error) { w.err = errors.Join(w.err, err) }

// wake lets a session that slept through a takeover finish what it was about to do.
func (w *pureWorld) wake() {
	if len(w.asleep) == 0 {
		return
	}
	w.counts.zombies++
	n := w.rng.IntN(len(w.asleep))
	o := w.asleep[n]
	w.asleep = append(w.asleep[:n:n], w.asleep[n+1:]...)
	place := o.share.committed
	o.share.committed = [2]int64{o.p.Next(engine.Commands), o.p.Next(engine.Dispatch)} // it reads where it was
	batch := w.poll(o.share)
	o.share.committed = place
	if fx, err := o.p.Step(w.millis+o.machine.skew, batch); err == nil && len(batch) > 0 {
		fenced := o.generation != o.share.generation && w.mutation != unfenced
		w.trace.add("%s wakes and sends %d events to partition %d; fenced %t", o.machine.name, len(fx.Events), o.share.number, fenced)
		t := w.transaction(o, fx, !fenced)
		w.append(o.share, t)
	} else if err != nil && !errors.Is(err, engine.ErrClockBehind) {
		w.fail(err)
	}
	w.freeze(o) // the last of what it knew was committed is still written to its own disk
	w.release(o)
}

// resolve ends an open transaction, as the broker does for whoever asks for stable offsets.
func (w *pureWorld) resolve(s *share) {
	if s.open != nil {
		w.append(s, s.open)
		s.open = nil
	}
}
