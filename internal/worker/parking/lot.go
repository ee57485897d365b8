package parking

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
)

// AggregatesMaxDefault is how many aggregates of a partition a view may park. Where more can't be mapped, it is the mapping
// that is broken, and parking would only copy the log.
const AggregatesMaxDefault = 1000

// ErrTooMany says that so many aggregates can't be mapped that the view has to stop.
var ErrTooMany = errors.New("too many aggregates can't be mapped")

// Config says whose events a lot is for.
type Config struct {
	DB         *clickhouse.DB
	View       es.View
	Generation clickhouse.Generation
	Context    string
	Partition  int32
	// AggregatesMax is how many aggregates may be parked; 0: AggregatesMaxDefault.
	AggregatesMax int
	// Verdicts are what operators have decided; nil: nothing.
	Verdicts *Board
	// Without turns guards off, for the negative controls of tests.
	Without Guard
}

// Guard names guards of a lot.
type Guard uint8

// The guards that Config.Without can turn off.
const (
	// GuardOrder has an event wait behind one of its aggregate that is parked.
	GuardOrder Guard = 1 << iota
	// GuardRecall parks again what was parked when a range was prepared before.
	GuardRecall
)

// Aggregate is whose events are parked together.
type Aggregate struct{ Type, ID string }

// Lot is what one generation of a view has parked of one partition. It belongs to whoever maps the partition's records, one
// after the other; only Aggregates may be called from elsewhere.
type Lot struct {
	cfg    Config
	parked map[Aggregate]bool
	// recorded is what was written down of events that come now: a range is repeated, or the last one was not known to be in.
	recorded map[int64]clickhouse.ParkedEvent
	ruling   ruling
	tried    map[string]bool // releases
	news     []clickhouse.ParkedEvent
	count    atomic.Int64
}

// Open reads what stands in the lot of a partition that goes on at position.
func Open(ctx context.Context, cfg Config, position int64) (*Lot, error) {
	if cfg.AggregatesMax == 0 {
		cfg.AggregatesMax = AggregatesMaxDefault
	}
	l := &Lot{cfg: cfg, parked: map[Aggregate]bool{}, recorded: map[int64]clickhouse.ParkedEvent{}, tried: map[string]bool{}}
	position = max(position, 0)
	of := clickhouse.ParkedFilter{View: cfg.View.Name, Generation: cfg.Generation.Number, Context: cfg.Context, Partition: &cfg.Partition}
	before := of
	before.Below = position
	if position > 0 { // 0 would ask for all
		aggregates, err := cfg.DB.ParkedAggregates(ctx, before)
		if err != nil {
			return nil, err
		}
		for _, a := range aggregates {
			l.parked[Aggregate{a.Aggregate, a.ID}] = true
		}
	}
	of.From = position
	if cfg.Without&GuardRecall == 0 {
		later, err := cfg.DB.ParkedEvents(ctx, of)
		if err != nil {
			return nil, err
		}
		for _, e := range later {
			l.recorded[e.Offset] = e
		}
	}
	l.count.Store(int64(len(l.parked)))
	return l, nil
}

// Aggregates is how many aggregates are parked.
func (l *Lot) Aggregates() int { return int(l.count.Load()) }

// Take maps a record and appends its rows, or parks it. broken is why its event could not even be made of the record; nil:
// it could. An error says that the view has to stop.
//
// What was parked when the record came before is parked again, whatever the mapping would say by now: the rows of a range
// that is repeated must be those that stood behind its token.
func (l *Lot) Take(rec *kafka.Record, r *es.Recorded, broken error, rows *es.Rows) error {
	l.rule()
	if len(l.parked)+len(l.recorded)+len(l.ruling.discards) == 0 && broken == nil {
		return l.mapOrPark(rec, r, rows, 0)
	}
	a := Aggregate{r.Aggregate, r.Meta.AggregateID}
	before, known := l.recorded[rec.Offset]
	delete(l.recorded, rec.Offset)
	change := 0
	if known {
		change = before.Change + 1
	}
	switch {
	case known && before.Fate == clickhouse.Parked:
		l.hold(a)
		return nil
	case known && before.Fate == clickhouse.Discarded:
		return nil
	}
	if v, discarded := l.ruling.discards[rec.Offset]; discarded {
		e := l.event(r, clickhouse.Discarded, change)
		e.Cause, e.Key, e.Value = "discarded before it was mapped", rec.Key, rec.Value
		l.news = append(l.news, decided(e, v))
		return nil
	}
	switch {
	case l.parked[a] && l.cfg.Without&GuardOrder == 0:
		l.news = append(l.news, l.event(r, clickhouse.Parked, change))
		return nil
	case broken != nil:
		return l.park(rec, r, broken, change)
	}
	return l.mapOrPark(rec, r, rows, change)
}

func (l *Lot) mapOrPark(rec *kafka.Record, r *es.Recorded, rows *es.Rows, change int) error {
	rows.Mark()
	err := Map(l.cfg.View, r, rows)
	if err == nil {
		return nil
	}
	rows.Undo() // it may have appended some of them
	return l.park(rec, r, err, change)
}

// Map appends the record's rows in a view. A mapping that panics has failed, and says so like any other.
func Map(view es.View, r *es.Recorded, rows *es.Rows) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
	}()
	return view.Map(*r, rows)
}

// park parks the first event of an aggregate that can't be mapped.
func (l *Lot) park(rec *kafka.Record, r *es.Recorded, cause error, change int) error {
	a := Aggregate{r.Aggregate, r.Meta.AggregateID}
	place := fmt.Sprintf("%s/%d@%d", rec.Topic, rec.Partition, rec.Offset)
	if a.ID == "" {
		return fmt.Errorf("mapping the record at %s: %w: it belongs to no aggregate that could be parked; mend the mapping: the view waits here", place, cause)
	}
	if len(l.parked) >= l.cfg.AggregatesMax && !l.parked[a] {
		return fmt.Errorf("mapping %s version %d of %s %q at %s: %w: %w: %d of this partition are parked already, so the mapping is broken rather than its events. "+
			"Mend it and start again (--parked-max allows more)", r.Type, r.Meta.Version, a.Type, a.ID, place, cause, ErrTooMany, len(l.parked))
	}
	e := l.event(r, clickhouse.Parked, change)
	e.Cause, e.Key, e.Value = cause.Error(), rec.Key, rec.Value
	l.news = append(l.news, e)
	l.hold(a)
	return nil
}

func (l *Lot) hold(a Aggregate) {
	a.ID = strings.Clone(a.ID) // which is part of a record, and that of a whole fetch: an aggregate may wait for days
	l.parked[a] = true
	l.count.Store(int64(len(l.parked)))
}

func (l *Lot) let(a Aggregate) {
	delete(l.parked, a)
	l.count.Store(int64(len(l.parked)))
}

// News returns what became of events since it was last called. It has to be written down before any row of the same range.
func (l *Lot) News() []clickhouse.ParkedEvent {
	news := l.news
	l.news = nil
	return news
}

func (l *Lot) event(r *es.Recorded, fate clickhouse.Fate, change int) clickhouse.ParkedEvent {
	recorded := r.Meta.RecordedAt
	if recorded == 0 {
		recorded = r.Timestamp
	}
	return clickhouse.ParkedEvent{
		View: l.cfg.View.Name, Generation: l.cfg.Generation.Number, Context: l.cfg.Context, Partition: l.cfg.Partition, Offset: r.Offset,
		Change: change, Fate: fate, Stream: string(l.cfg.View.From), Aggregate: r.Aggregate, AggregateID: r.Meta.AggregateID,
		Version: r.Meta.Version, Type: r.Type, RecordedAt: recorded,
	}
}

// decided adds who decided what becomes of an event, when and why.
func decided(e clickhouse.ParkedEvent, v kafka.Verdict) clickhouse.ParkedEvent {
	e.Actor, e.Why, e.DecidedAt, e.Attempt = v.By, v.Why, v.At.UnixMilli(), v.Attempt
	return e
}

// unavailable has the member join again where ClickHouse may come back, and with it what was read.
func unavailable(err error) error {
	if errors.Is(err, clickhouse.ErrUnavailable) {
		return kafka.Rejoin(err)
	}
	return err
}

// Store writes news down: before any row of the range that brought them.
func (l *Lot) Store(ctx context.Context, attempt clickhouse.Attempt, patience time.Duration, news []clickhouse.ParkedEvent) error {
	return unavailable(l.cfg.DB.Park(ctx, attempt, patience, news...))
}

// Holds says whether events of an aggregate are parked, wherever they stand.
func (l *Lot) Holds(a Aggregate) bool { return l.parked[a] }

// Everything is the position behind every record.
const Everything = math.MaxInt64
