package parking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
)

// releaseMax is how many events are released at a time: the partition's other events wait for so many.
const releaseMax = 1000

// Release is how what was parked comes into the view.
type Release struct {
	Kafka kafka.Config
	Topic string
	// Decode makes an event of a record. An error that is Broken leaves the event parked.
	Decode func(ctx context.Context, rec *kafka.Record) (es.Recorded, error)
	// Insert inserts the rows of some offsets, each once, however often it is tried.
	Insert func(ctx context.Context, b clickhouse.Batch) error
	// Attempt makes an effect only while the partition is ours.
	Attempt clickhouse.Attempt
	// Patience is how long ClickHouse may take to say what is parked, and to write down what became of it.
	Patience time.Duration
}

// Broken marks an error as the event's own: nothing but a mended program will make it pass.
func Broken(err error) error { return &brokenError{err} }

type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

// IsBroken says whether an error is the event's own.
func IsBroken(err error) bool {
	var broken *brokenError
	return errors.As(err, &broken)
}

// Due returns the aggregates that something was decided about which has not been carried out.
func (l *Lot) Due() []Aggregate {
	l.rule()
	var out []Aggregate
	for a, v := range l.ruling.releases {
		if l.parked[a] && !l.tried[v.Attempt] {
			out = append(out, a)
		}
	}
	for _, v := range l.ruling.discards {
		a := Aggregate{v.Aggregate, v.ID}
		if l.parked[a] && !l.tried[discardName(v)] && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func discardName(v kafka.Verdict) string { return fmt.Sprintf("discard %d", v.Offset) }

// Try maps the events that are parked of an aggregate, in their order, up to the first that still can't be mapped, and has
// their rows inserted. It says how many were released and discarded, and whether more are to come at once. It is called
// between ranges only.
//
// The rows are inserted first and looked for before that, by their offsets; then it is written down that they are in. After
// a death in between, the next who tries finds them.
func (l *Lot) Try(ctx context.Context, a Aggregate, r Release) (outcome Outcome, err error) {
	queue, err := l.queue(ctx, a, r.Patience)
	if err != nil {
		return outcome, kafka.Rejoin(err)
	}
	if len(queue) == 0 {
		l.settle(a)
		l.let(a)
		return outcome, nil
	}
	verdict, wanted := l.wanted(a, queue[0])
	if !wanted {
		l.settle(a)
		return outcome, nil
	}
	t := trial{lot: l, verdict: verdict, rows: es.NewRows(l.cfg.View.Tables...)}
	if err := t.run(ctx, queue, r); err != nil {
		return outcome, err
	}
	if err := t.carryOut(ctx, r); err != nil {
		return outcome, err
	}
	outcome = t.outcome
	outcome.More = outcome.Cause == "" && len(queue) == releaseMax
	if !outcome.More {
		l.settle(a)
	}
	if outcome.Cause == "" && !outcome.More {
		l.let(a)
	}
	return outcome, nil
}

// queue are the events that are parked of an aggregate, the first of them. A revoke waits for the answer, so for no longer
// than patience does this.
func (l *Lot) queue(ctx context.Context, a Aggregate, patience time.Duration) ([]clickhouse.ParkedEvent, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return l.cfg.DB.ParkedEvents(ctx, clickhouse.ParkedFilter{
		View: l.cfg.View.Name, Generation: l.cfg.Generation.Number, Context: l.cfg.Context, Partition: &l.cfg.Partition,
		Aggregate: a.Type, ID: a.ID, Fate: clickhouse.Parked, Limit: releaseMax,
	})
}

// Outcome is what came of a trial.
type Outcome struct {
	Released, Discarded int
	// Cause is why the first event that is left could not be mapped; empty: none is left, or more are to come.
	Cause string
	More  bool
}

// wanted says on whose word the aggregate is tried: on that of who has it released, unless that was tried before; or of who
// discarded its first event.
func (l *Lot) wanted(a Aggregate, head clickhouse.ParkedEvent) (kafka.Verdict, bool) {
	if v, ok := l.ruling.releases[a]; ok && head.Attempt != v.Attempt {
		return v, true
	}
	v, ok := l.ruling.discards[head.Offset]
	return v, ok
}

// settle notes that all that is decided about an aggregate was tried.
func (l *Lot) settle(a Aggregate) {
	if v, ok := l.ruling.releases[a]; ok {
		l.tried[v.Attempt] = true
	}
	for _, v := range l.ruling.discards {
		if v.Aggregate == a.Type && v.ID == a.ID {
			l.tried[discardName(v)] = true
		}
	}
}

// trial is one attempt at the parked events of an aggregate.
type trial struct {
	lot     *Lot
	verdict kafka.Verdict
	rows    *es.Rows
	offsets []int64 // of rows
	changes []clickhouse.ParkedEvent
	outcome Outcome
}

// run maps the queue up to the first event that can't be mapped.
func (t *trial) run(ctx context.Context, queue []clickhouse.ParkedEvent, r Release) error {
	var offsets []int64
	for _, e := range queue {
		if _, discarded := t.lot.ruling.discards[e.Offset]; !discarded {
			offsets = append(offsets, e.Offset)
		}
	}
	records, missing := kafka.Pick(ctx, r.Kafka, r.Topic, t.lot.cfg.Partition, offsets)
	if missing != nil && !errors.Is(missing, kafka.ErrNoRecord) && !errors.Is(missing, kafka.ErrCut) {
		return kafka.Rejoin(missing)
	}
	for _, e := range queue {
		e.Change++
		if v, discarded := t.lot.ruling.discards[e.Offset]; discarded {
			e.Fate = clickhouse.Discarded
			t.changes = append(t.changes, decided(e, v))
			t.outcome.Discarded++
			continue
		}
		cause := missing // the log no longer holds it, if there is no record
		if len(records) > 0 {
			var err error
			if cause, err = t.take(ctx, r, records[0]); err != nil {
				return err
			}
			e.Key, e.Value = records[0].Key, records[0].Value
			records = records[1:]
		}
		if cause != nil {
			e.Cause, e.Attempt = cause.Error(), t.verdict.Attempt
			t.changes = append(t.changes, e)
			t.outcome.Cause = e.Cause
			return nil
		}
		e.Fate = clickhouse.Released
		if e.Cause == "" { // only what could not be mapped is kept beside the log
			e.Key, e.Value = nil, nil
		}
		t.changes = append(t.changes, decided(e, t.verdict))
		t.offsets = append(t.offsets, e.Offset)
		t.outcome.Released++
	}
	return nil
}

// take maps one record. cause is why it can't be mapped.
func (t *trial) take(ctx context.Context, r Release, rec *kafka.Record) (cause, err error) {
	recorded, err := r.Decode(ctx, rec)
	if IsBroken(err) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	t.rows.Mark()
	if cause := Map(t.lot.cfg.View, &recorded, t.rows); cause != nil {
		t.rows.Undo()
		return cause, nil
	}
	return nil, nil
}

// carryOut inserts the rows, and then writes down what became of the events.
func (t *trial) carryOut(ctx context.Context, r Release) error {
	if !t.rows.Empty() {
		err := r.Insert(ctx, clickhouse.Batch{
			Context: t.lot.cfg.Context, Partition: t.lot.cfg.Partition, First: t.offsets[0], Last: t.offsets[len(t.offsets)-1],
			Again: true, Scattered: true, Rows: t.rows,
		})
		if err != nil {
			return err
		}
	}
	return t.lot.Store(ctx, r.Attempt, r.Patience, t.changes)
}
