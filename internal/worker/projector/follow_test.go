package projector

import (
	"slices"
	"sync"
	"testing"
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
)

// tracer follows whatever bears a header, as nothing else is asked about.
type tracer struct {
	mu    sync.Mutex
	asked int
	told  []Projected
}

func (t *tracer) Follow(*kafka.Record, time.Time) Trail {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.asked++
	return t
}

func (t *tracer) Projected(p Projected) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told = append(t.told, p)
}

// of are the accounts that were told of, in order.
func (t *tracer) of() (accounts []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.told {
		accounts = append(accounts, p.Recorded.Meta.AggregateID)
	}
	slices.Sort(accounts)
	return accounts
}

// testTellsNews: what was in the log before the view is old. What comes then is news, also what came while nobody
// projected, because nobody has told of it yet; and without headers nobody is asked.
func testTellsNews(t *testing.T, w *world) {
	headers := []kafka.Header{{Key: "traceparent", Value: []byte("x")}}
	w.headers = headers
	w.write(0, "before", 1)
	w.flush()
	by := &tracer{}
	cfg := w.config(ledgerOnly())
	cfg.Tracer = by
	r := start(t, cfg)
	eventually(t, "it is ready", func() bool { return r.Ready() == nil })
	w.write(0, "now", 2)
	w.headers = nil
	w.write(0, "unmarked", 3)
	w.flush()
	eventually(t, "all is in", w.complete)
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	if got := by.of(); !slices.Equal(got, []string{"now"}) || by.asked != 1 {
		t.Fatalf("told of %v, asked %d times", got, by.asked)
	}
	if p := by.told[0]; p.View != "ledger" || p.Generation != 1 || p.Source != "bank.events/0@1" || p.Rows < 2 || p.Again || p.Inserted.IsZero() {
		t.Errorf("told %+v", p)
	}
	w.headers = headers
	w.write(0, "meanwhile", 4)
	w.flush()
	r = start(t, cfg)
	eventually(t, "all is in again", w.complete)
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	if got := by.of(); !slices.Equal(got, []string{"meanwhile", "now"}) {
		t.Errorf("told of %v", got)
	}
}

// TestOnlyWhatIsShownIsToldOf turns each condition on its own: with all of them a record is followed, without one it is not.
func TestOnlyWhatIsShownIsToldOf(t *testing.T) {
	t.Parallel()
	record := &kafka.Record{Offset: 7, Headers: []kafka.Header{{Key: "traceparent"}}}
	for name, tc := range map[string]struct {
		spoil func(v *projection, r *kafka.Record)
		want  bool
	}{
		"as it should be":                   {func(*projection, *kafka.Record) {}, true},
		"a generation that nobody is shown": {func(v *projection, _ *kafka.Record) { v.serves.Store(false) }, false},
		"it was in the log before":          {func(v *projection, r *kafka.Record) { r.Offset = 6 }, false},
		"it bears no headers":               {func(_ *projection, r *kafka.Record) { r.Headers = nil }, false},
		"nobody wants to know":              {func(v *projection, _ *kafka.Record) { v.cfg.Tracer = nil }, false},
		"the group had its place":           {func(v *projection, r *kafka.Record) { v.progress.begins(kafka.Assignment{Position: 3}); r.Offset = 6 }, true},
	} {
		v := &projection{cfg: &Config{Tracer: &tracer{}}}
		v.serves.Store(true)
		v.progress.begins(kafka.Assignment{Position: -1, Log: kafka.Extent{Stable: 7}})
		r := *record
		tc.spoil(v, &r)
		if got := v.follow(&r, time.Now(), es.NewRows()).Trail != nil; got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestNobodyIsToldOfARecordWithoutRows: a view that does not show a record says nothing of it.
func TestNobodyIsToldOfARecordWithoutRows(t *testing.T) {
	t.Parallel()
	table := es.NewTable[newest]("newest")
	rows := es.NewRows(table)
	table.Append(rows, newest{Account: "of another record"})
	t1 := trail{Trail: &tracer{}, had: rows.Len()}
	if got := t1.mapped(nil, es.Recorded{}, rows); len(got) != 0 {
		t.Errorf("told of %v", got)
	}
	table.Append(rows, newest{Account: "its own"})
	if got := t1.mapped(nil, es.Recorded{Offset: 9}, rows); len(got) != 1 || got[0].recorded.Offset != 9 {
		t.Errorf("told of %v", got)
	}
}
