package ingest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"recount/internal/es"
)

// tracer follows every request it is asked about, and notes what it is told.
type tracer struct {
	mu    sync.Mutex
	notes []string
	begun time.Time
}

type contextKey struct{}

func (t *tracer) Follow(r *http.Request, began time.Time) Trail {
	t.note("follow %s", r.Pattern)
	t.begun = began
	return t
}

func (t *tracer) Context() context.Context {
	return context.WithValue(context.Background(), contextKey{}, "followed")
}
func (t *tracer) Asked(command string, key CommandKey, correlation string) {
	t.note("asked %s %s %s %s", command, key.ID, key.CommandID, correlation)
}
func (t *tracer) Told(o es.Outcome, code string) { t.note("told %s %s", o, code) }
func (t *tracer) Answered(status int)            { t.note("answered %d", status) }

func (t *tracer) note(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

func TestARequestIsFollowedToItsAnswer(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	by := &tracer{}
	s := newServer(t, b, func(c *Config) { c.Tracer = by })
	for _, c := range []call{
		post("/v1/bank/account/a/open", openAccount, "Idempotency-Key", "k", "Correlation-Id", "corr"),
		post("/v1/bank/account/a/opne", openAccount, "Idempotency-Key", "k"),
		post("/v1/bank/account/a/deposit", "{}", "Idempotency-Key", "m"),
		get("/v1/bank/account/a/open"),
		get("/openapi.json"), get("/nowhere"),
	} {
		c.do(t, s)
	}
	want := []string{
		"follow " + patternCommand, "asked bank.account.open a k corr", "answered 202",
		"follow " + patternCommand, "answered 404",
		"follow " + patternCommand, "asked bank.account.deposit a m m", "answered 422",
		"follow " + patternCommand, "answered 405",
	}
	if !slices.Equal(by.notes, want) {
		t.Errorf("noted\n%q, want\n%q", by.notes, want)
	}
	sent := b.commands()
	if len(sent) != 1 || sent[0].Context == nil || sent[0].Context.Value(contextKey{}) != "followed" || time.Since(by.begun) > time.Minute {
		t.Errorf("published %+v of a request that began at %v", sent, by.begun)
	}
}

func TestACallerWhoWaitsIsToldWhatIsNoted(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	by := &tracer{}
	s := newServer(t, b, func(c *Config) { c.Tracer = by })
	for range 2 {
		ask("/v1/bank/account/a/open", openAccount).do(t, s)
	}
	var told []string
	for _, n := range by.notes {
		if n[:4] == "told" {
			told = append(told, n)
		}
	}
	if want := []string{"told accepted ", "told refused account/already-open"}; !slices.Equal(told, want) {
		t.Errorf("noted %q, want %q", told, want)
	}
}

// TestStrangersAreNotFollowed: a sampled traceparent costs its sender nothing, and somebody's collector a lot.
func TestStrangersAreNotFollowed(t *testing.T) {
	t.Parallel()
	by := &tracer{}
	s := newServer(t, newBank(t), func(c *Config) { c.Tracer = by })
	r := post("/v1/bank/account/a/open", openAccount, "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").request()
	r.Host = "elsewhere.example"
	if a := serve(t, s, r); a.status != http.StatusForbidden || len(by.notes) != 0 {
		t.Errorf("%d, noted %q", a.status, by.notes)
	}
}

// TestAPanicIsAnAnswerToo: what follows a request that broke hears of it.
func TestAPanicIsAnAnswerToo(t *testing.T) {
	t.Parallel()
	by := &tracer{}
	s := newServer(t, newBank(t), func(c *Config) { c.Tracer, c.Publisher = by, nilPublisher{} })
	post("/v1/bank/account/a/open", openAccount).do(t, s)
	if last := by.notes[len(by.notes)-1]; last != "answered 500" {
		t.Errorf("noted %q", by.notes)
	}
}

// nilPublisher panics.
type nilPublisher struct{ Publisher }
