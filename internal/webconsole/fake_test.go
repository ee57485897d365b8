package webconsole_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/webconsole"
	"recount/internal/worker/inspect"
)

// nasty is what somebody may have put into any text.
const nasty = `<script>alert("x")</script>&'`

// began is when everything in these tests begins, Unix milliseconds.
const began = int64(1_767_225_600_000) // 2026-01-01

// fake is a source with an account, a transfer that was taken back, and whatever a test changes.
type fake struct {
	overview    webconsole.Overview
	histories   map[string]*inspect.Timeline
	records     []webconsole.Record
	instances   []webconsole.Instance
	generations []webconsole.Generation
	err         error // of all but the overview

	mu    sync.Mutex // of what tests change while pages are shown
	asked int
}

func newFake(t *testing.T) *fake {
	t.Helper()
	at := time.UnixMilli(began).UTC()
	f := &fake{
		overview: webconsole.Overview{
			At: at,
			Parts: []webconsole.Part{
				{Heading: "Services and roles", Marks: []webconsole.Mark{{Holds: true, Text: "Kafka"}, {Text: "ClickHouse"}}},
				{Heading: "Views", Columns: []webconsole.Column{{Title: "view"}, {Title: "behind", Number: true}}, Rows: [][]string{{"account_balances", "1,234"}}},
				{Heading: "Sagas", Columns: []webconsole.Column{{Title: "saga"}}},
			},
			Warnings: []webconsole.Warning{{Code: "service-unreachable", Text: "ClickHouse can't be reached", Do: "start it"}},
		},
		histories: map[string]*inspect.Timeline{},
		records: []webconsole.Record{
			{Kind: webconsole.KindEvent, Recorded: at, Context: "bank", Type: "account", ID: "acct-1", Version: 2, What: "FundsDeposited", CommandID: "c-2", Actor: "ada", Correlation: "k-1"},
			{Kind: webconsole.KindRefusal, Recorded: at, Context: "bank", Type: "account", ID: "acct-1", Version: 2, What: "bank.account.withdraw refused", Detail: "account/insufficient-funds", CommandID: "c-3", Actor: "ada", Correlation: "k-1"},
			{Kind: webconsole.KindSaga, Recorded: at, Context: "bank", Type: "money_transfer", ID: "t-1", Version: 1, What: "Started", Actor: nasty, Correlation: "k-1"},
		},
		instances: []webconsole.Instance{
			{Context: "bank", Saga: "money_transfer", ID: "t-1", State: "compensated", Code: "account/not-open", Ended: true, Started: at, Changed: at},
			{Context: "bank", Saga: "money_transfer", ID: "t-2", State: "stuck", Step: "complete", Stuck: true, Started: at, Changed: at},
		},
		generations: []webconsole.Generation{
			{View: "account_history", Number: 1, Revision: 1, State: "kept", Since: at, Total: 40_000},
			{View: "account_history", Number: 2, Revision: 2, State: "serving", Since: at, Done: 40_000, Total: 40_000},
			{View: "account_history", Number: 3, Revision: 2, State: "building", Since: at, Done: 12_345, Total: 40_000, AtWork: "ada on box"},
		},
	}
	f.histories["bank/account/acct-1"] = accountHistory()
	f.histories["bank/money_transfer/t-1"] = transferHistory(t)
	return f
}

// accountHistory opens an account, and deposits 10, 20, 30 … up to its sixtieth version, one a minute; the third is
// back-dated by a day.
func accountHistory() *inspect.Timeline {
	h := &inspect.Timeline{Aggregate: account.Type()}
	state := h.Aggregate.Zero()
	var balance int64
	for n := int64(1); n <= 60; n++ {
		name, body := "AccountOpened", account.Event(account.AccountOpened{CustomerID: nasty, Currency: "EUR"})
		if n > 1 {
			balance += 10 * n
			name, body = "FundsDeposited", account.FundsDeposited{Amount: 10 * n, Currency: "EUR", BalanceAfter: balance}
		}
		m := es.Meta{
			AggregateID: "acct-1", Version: n, CommandID: fmt.Sprint("c-", n), CausationID: fmt.Sprint("c-", n), CorrelationID: "k-1", Actor: "ada",
			RecordedAt: began + 60_000*n, ValidAt: began + 60_000*n,
		}
		switch n {
		case 3:
			m.ValidAt -= 86_400_000
		case 4:
			m.CausationID, m.Actor = "0190-event-of-a-saga", "bank/money_transfer/t-1"
		case 5:
			m.CausationID = "c-elsewhere"
		}
		state = h.Aggregate.Evolve(state, body)
		h.Steps = append(h.Steps, inspect.Step{
			Event:    engine.Event{Aggregate: h.Aggregate, Type: name, Meta: m, Body: body},
			Position: fmt.Sprintf("bank/0@%d", n), State: state,
		})
	}
	return h
}

// saga returns one of the bank's sagas.
func saga(t *testing.T, name string) es.Process {
	t.Helper()
	for _, c := range domain.Contexts() {
		if p, ok := c.Process(name); ok {
			return p
		}
	}
	t.Fatalf("there is no saga %s", name)
	return nil
}

// run decides what occurs to an instance, a second apart, and returns its history.
func run(t *testing.T, p es.Process, process string, occurs ...es.Occurrence) *inspect.Timeline {
	t.Helper()
	h := &inspect.Timeline{Aggregate: p}
	state := p.Zero()
	for i, what := range occurs {
		at := began + 1_000*int64(i)
		events, err := p.Decide(state, es.Input{Process: process, At: at, ValidAt: began, Correlation: "k-2", What: what}, nil)
		if err != nil {
			t.Fatalf("%+v: %v", what, err)
		}
		for _, e := range events {
			state = p.Evolve(state, e)
			n := int64(len(h.Steps) + 1)
			h.Steps = append(h.Steps, inspect.Step{
				Event: engine.Event{Aggregate: p, Type: strings.TrimPrefix(fmt.Sprintf("%T", e), "saga."), Body: e,
					Meta: es.Meta{Version: n, RecordedAt: at, ValidAt: began, CorrelationID: "k-2"}},
				Position: fmt.Sprintf("bank/0@%d", n), State: state,
			})
		}
	}
	return h
}

func (f *fake) Overview(context.Context) webconsole.Overview {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	return f.overview
}

// set changes the overview while it is shown.
func (f *fake) set(change func(*webconsole.Overview)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.overview)
}

func (f *fake) history(context, name, id string) (*inspect.Timeline, error) {
	if h, ok := f.histories[context+"/"+name+"/"+id]; ok && f.err == nil {
		return h, nil
	}
	return &inspect.Timeline{}, f.err
}

func (f *fake) History(_ context.Context, context string, of es.AggregateType, id string) (*inspect.Timeline, error) {
	return f.history(context, of.Name(), id)
}

func (f *fake) Process(_ context.Context, context string, of es.Process, id string) (*inspect.Timeline, error) {
	return f.history(context, of.Name(), id)
}

func (f *fake) Data(context.Context, string, es.Stream, []byte) (string, error) {
	return `{"reference":"</pre>` + `<img src=x>"}`, nil
}

func (f *fake) Newest(context.Context, int) ([]webconsole.Record, error) { return f.records, f.err }

func (f *fake) Trace(_ context.Context, of webconsole.Cause, _ int) ([]webconsole.Record, error) {
	if of.Correlation != "k-1" && of.Command != "c-2" {
		return nil, f.err
	}
	return f.records, f.err
}

func (f *fake) Instances(context.Context, int) ([]webconsole.Instance, error) {
	return f.instances, f.err
}

func (f *fake) Generations(context.Context) ([]webconsole.Generation, error) {
	return f.generations, f.err
}

// newConsole makes a console of a source, and has what goes wrong on its side fail the test.
func newConsole(t *testing.T, of webconsole.Source) http.Handler {
	t.Helper()
	c, err := webconsole.New(webconsole.Config{Contexts: domain.Contexts(), Source: of, Log: slog.New(slog.NewTextHandler(fault{t}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// fault fails a test with what is logged.
type fault struct{ t *testing.T }

func (f fault) Write(line []byte) (int, error) {
	f.t.Errorf("logged: %s", line)
	return len(line), nil
}

// get asks for a page.
func get(t *testing.T, c http.Handler, url string) (int, string) {
	t.Helper()
	answer := httptest.NewRecorder()
	c.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
	return answer.Code, answer.Body.String()
}
