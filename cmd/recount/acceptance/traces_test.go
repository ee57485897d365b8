package acceptance_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/pipeline"
	"recount/internal/worker/rebuild"
)

// caller is the span that callers of these tests say they are in; a trace's ID is made of a number.
const caller = "00f067aa0ba902b7"

func traceID(n int) string { return fmt.Sprintf("4bf92f3577b34da6a3ce929d%08x", n) }

// sampledBy are a request's headers that have it followed.
func sampledBy(n int) []string {
	return []string{"traceparent", "00-" + traceID(n) + "-" + caller + "-01"}
}

// views that an event of an account has rows in.
func accountViews() []string {
	return []string{"project account_balances", "project account_history", "project events"}
}

// TestTraces follows commands through one pipeline, again and again. Nothing else is followed, so what comes is what was
// asked for, or is too much.
func TestTraces(t *testing.T) {
	t.Parallel()
	to := newCollector(t)
	cfg := pipeline.NewConfig(pipeline.Ports{})
	cfg.DataDir = t.TempDir()
	cfg.Tracing = cli.Tracing{To: to.URL, Share: 0}
	w, stop := startWhole(t, cfg)
	t.Cleanup(func() { stop() })

	oneCommand(t, w, to)
	oneTransfer(t, w, to)
	otherOutcomes(t, w, to)
	aRebuildTellsOfNothingOld(t, w, to)
	tracesPageIsCurrent(t, to.all())

	stop()
	before := len(to.all()) // stopping has sent what was left
	for _, role := range []string{"aggregator", "saga"} {
		if err := os.RemoveAll(filepath.Join(cfg.DataDir, role, "store")); err != nil {
			t.Fatal(err)
		}
	}
	w, stop = startWhole(t, cfg)
	t.Cleanup(func() { stop() })
	aReplayTellsOfNothingOld(t, w, to, before)
}

// oneCommand goes from a caller's span through everything up to the rows.
func oneCommand(t *testing.T, w *whole, to *collector) {
	t.Helper()
	w.command(t, "seen", "open", `{"customer_id":"ada","currency":"EUR"}`, append(sampledBy(1), "Correlation-Id", "corr-1")...).expect(t, "opening", 200)
	w.command(t, "unseen", "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "opening, unseen", 200)
	spans := to.awaitSpans(t, traceID(1), map[string]int{
		"POST *": 1, "bank.commands publish": 1, "decide bank.account.open": 1, "commit": 1, "project *": len(accountViews()), "*": 4 + len(accountViews()),
	})
	way := []string{"decide bank.account.open", "bank.commands publish", "POST /v1/{context}/{aggregate}/{id}/{command}"}
	for _, name := range append(accountViews(), "commit") {
		for _, s := range spans.named(name) {
			if got, from := spans.above(s); !slices.Equal(got[1:], way) || from != caller {
				t.Errorf("%s follows from %v, and that from %s", name, got, from)
			}
		}
	}
	decide := spans.named("decide *")[0]
	for key, want := range map[string]string{
		"recount.context": "bank", "recount.aggregate": "account", "recount.aggregate_id": "seen", "recount.command": "bank.account.open",
		"recount.correlation_id": "corr-1", "recount.outcome": "accepted", "recount.version": "1", "recount.events": "1",
	} {
		for _, s := range []span{decide, spans.named("POST *")[0]} {
			if got, ok := s.attributes[key]; got != want && (ok || s.name == decide.name) {
				t.Errorf("%s: %s is %q, want %q", s.name, key, got, want)
			}
		}
	}
	if commit := spans.named("commit")[0]; commit.startNanoseconds < decide.endNano || commit.endNano < commit.startNanoseconds {
		t.Errorf("decided %d to %d, committed %d to %d", decide.startNanoseconds, decide.endNano, commit.startNanoseconds, commit.endNano)
	}
	for _, s := range to.all() {
		if s.trace != traceID(1) || s.service != "recount" {
			t.Errorf("nobody asked for %s of %s (%s)", s.name, s.trace, s.service)
		}
	}
}

// oneTransfer goes over two accounts: what its saga sends is a part of the trace too.
func oneTransfer(t *testing.T, w *whole, to *collector) {
	t.Helper()
	for _, account := range []string{"from", "to"} {
		w.command(t, account, "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "opening", 200)
	}
	w.command(t, "from", "deposit", `{"amount":100,"currency":"EUR"}`).expect(t, "a deposit", 200)
	w.send(t, http.MethodPost, "/v1/bank/transfer/t-1/request", `{"from_account":"from","to_account":"to","amount":40,"currency":"EUR","reference":"rent"}`,
		append(sampledBy(2), "Prefer", "wait=20", "Correlation-Id", "corr-2")...).expect(t, "asking for a transfer", 200)
	spans := to.awaitSpans(t, traceID(2), map[string]int{
		"decide bank.transfer.request": 1, "decide bank.account.withdraw": 1, "decide bank.account.deposit": 1, "decide bank.transfer.complete": 1,
		"step money_transfer": 4, "project account_balances": 2, "project transfers": 2,
	})
	const post, step = "POST /v1/{context}/{aggregate}/{id}/{command}", "step money_transfer"
	want := []string{
		"project transfers", "decide bank.transfer.complete", step, "decide bank.account.deposit", step, "decide bank.account.withdraw", step,
		"decide bank.transfer.request", "bank.commands publish", post,
	}
	longest, from := []string(nil), ""
	for _, s := range spans.named("project transfers") {
		if names, first := spans.above(s); len(names) > len(longest) {
			longest, from = names, first
		}
	}
	if !slices.Equal(longest, want) || from != caller {
		t.Errorf("the transfer's last row follows from\n%q (%s), want\n%q", longest, from, want)
	}
	for _, s := range append(spans.named("decide *"), spans.named("step *")...) {
		if s.attributes["recount.correlation_id"] != "corr-2" {
			t.Errorf("%s: the correlation ID is %q", s.name, s.attributes["recount.correlation_id"])
		}
	}
	if withdrawn := spans.named("decide bank.account.withdraw")[0]; withdrawn.attributes["recount.aggregate_id"] != "from" {
		t.Errorf("withdrawn from %v", withdrawn.attributes)
	}
}

// otherOutcomes are a refusal, a repetition and a question.
func otherOutcomes(t *testing.T, w *whole, to *collector) {
	t.Helper()
	w.command(t, "seen", "withdraw", `{"amount":1,"currency":"EUR"}`, sampledBy(3)...).expect(t, "too much", 409)
	refused := to.awaitSpans(t, traceID(3), map[string]int{"decide *": 1, "project refusals": 1, "POST *": 1})
	for _, name := range []string{"decide *", "POST *"} {
		if s := refused.named(name)[0]; s.attributes["recount.code"] != "account/insufficient-funds" || s.attributes["recount.outcome"] != "refused" || s.failed {
			t.Errorf("a refusal: %s %v", s.name, s.attributes)
		}
	}
	if got, _ := refused.above(refused.named("project refusals")[0]); len(got) != 4 {
		t.Errorf("a refusal's row follows from %v", got)
	}
	fifty := `{"amount":50,"currency":"EUR"}`
	w.command(t, "seen", "deposit", fifty, "Idempotency-Key", "twice").expect(t, "a deposit", 200)
	w.command(t, "seen", "deposit", fifty, append(sampledBy(4), "Idempotency-Key", "twice")...).expect(t, "again", 200)
	again := to.awaitSpans(t, traceID(4), map[string]int{"decide *": 1, "project *": 0, "commit": 1})
	if s := again.named("decide *")[0]; s.attributes["recount.duplicate"] != "true" {
		t.Errorf("a repetition: %v", s.attributes)
	}
	w.send(t, http.MethodGet, "/v1/bank/account/seen/commands/twice", "", sampledBy(5)...)
	w.send(t, http.MethodGet, "/v1/views/account_balances/wait?position=bank/0@0", "", sampledBy(6)...)
	to.awaitSpans(t, traceID(5), map[string]int{"GET /v1/{context}/{aggregate}/{id}/commands/{command_id}": 1, "*": 1})
	to.awaitSpans(t, traceID(6), map[string]int{"GET /v1/views/{view}/wait": 1, "*": 1})
}

// aRebuildTellsOfNothingOld: the events that are inserted once more were told of. What comes behind is told of, once.
func aRebuildTellsOfNothingOld(t *testing.T, w *whole, to *collector) {
	t.Helper()
	r, _, err := role.NewRebuild().Open(t.Context(), w.Foundation)
	if err == nil {
		_, err = r.Rebuild(t.Context(), []string{"account_balances"}, rebuild.Options{})
	}
	if err != nil {
		t.Fatal(err)
	}
	for n, told := 100, ""; told != "2"; n++ { // projectors take a moment to notice
		w.command(t, "seen", "deposit", `{"amount":7,"currency":"EUR"}`, sampledBy(n)...).expect(t, "a deposit", 200)
		to.awaitSpans(t, traceID(n), map[string]int{"project events": 1})
		for _, s := range to.of(traceID(n)).named("project account_balances") {
			told = s.attributes["recount.generation"]
		}
	}
	for _, s := range to.of(traceID(1)).named("project *") {
		if s.attributes["recount.generation"] != "1" {
			t.Errorf("an old event was told of again: %v", s.attributes)
		}
	}
	to.awaitSpans(t, traceID(1), map[string]int{"project *": len(accountViews())})
}

// aReplayTellsOfNothingOld: with its stores gone, everything is folded again. Spans are sent in their order, so once that
// of a new command has come, those of old ones would have come before.
func aReplayTellsOfNothingOld(t *testing.T, w *whole, to *collector, before int) {
	t.Helper()
	w.command(t, "seen", "deposit", `{"amount":7,"currency":"EUR"}`, sampledBy(8)...).expect(t, "a deposit", 200)
	to.awaitSpans(t, traceID(8), map[string]int{"POST *": 1, "decide *": 1, "project *": len(accountViews())})
	if new, all := len(to.of(traceID(8))), len(to.all()); all != before+new {
		t.Errorf("%d spans after %d before and %d of a new command", all, before, new)
	}
}

// TestACollectorThatIsGoneCostsNobodyAnything decides everything while spans go nowhere: to a port where nobody listens,
// and to somebody who takes connections and says nothing.
func TestACollectorThatIsGoneCostsNobodyAnything(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for name, address := range map[string]net.Addr{"silent": silent.Addr(), "gone": gone.Addr()} {
		t.Run(name, func(t *testing.T) {
			cfg := pipeline.NewConfig(pipeline.Ports{})
			cfg.DataDir = t.TempDir()
			cfg.Tracing = cli.Tracing{To: "http://" + address.String(), Share: 1}
			w, stop := startWhole(t, cfg)
			defer stop()
			w.command(t, "a", "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "opening", 200)
			for range 50 {
				w.command(t, "a", "deposit", `{"amount":1,"currency":"EUR"}`).expect(t, "a deposit", 200)
			}
			eventuallyCounts(t, w.db, 50, "SELECT sum(balance) FROM account_balances WHERE account_id = 'a'")
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
			defer cancel()
			ended := make(chan struct{})
			go func() { stop(); close(ended) }()
			select {
			case <-ended:
			case <-ctx.Done():
				t.Error("the pipeline does not end while its collector is away")
			}
		})
	}
}
