package ingest

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

func TestACommandIsPublishedAndItsOutcomeFoundLater(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b)
	a := post("/v1/bank/account/acct%2F1%20x/open", openAccount,
		"Idempotency-Key", "key 1", "If-Match", `"0"`, "Correlation-Id", "corr", "Causation-Id", "cause",
		"Recount-Valid-At", "2026-03-01T12:00:00.5+01:00", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	).do(t, s)
	a.check(t, want{status: http.StatusAccepted})
	const location = "/v1/bank/account/acct%2F1%20x/commands/key%201"
	if a.header.Get("Location") != location || a.accepted.Location != location || a.accepted.CommandID != "key 1" {
		t.Errorf("answered %s with Location %q, want %q", a.raw, a.header.Get("Location"), location)
	}
	sent := b.commands()
	if len(sent) != 1 {
		t.Fatalf("%d commands were published", len(sent))
	}
	c := sent[0]
	if c.Topic != "bank.commands" || string(c.Key) != "acct/1 x" || c.Partition != partition.Of("acct/1 x", testPartitions) {
		t.Errorf("published to %s/%d under %q", c.Topic, c.Partition, c.Key)
	}
	if len(c.Headers) != 1 || c.Headers[0].Key != "traceparent" || !strings.HasPrefix(string(c.Headers[0].Value), "00-4bf9") {
		t.Errorf("headers %v", c.Headers)
	}
	m := b.metas()[0]
	zero, at := int64(0), time.Date(2026, 3, 1, 11, 0, 0, 500e6, time.UTC).UnixMilli()
	if m.CommandID != "key 1" || m.AggregateID != "acct/1 x" || m.CorrelationID != "corr" || m.CausationID != "cause" || m.Actor != anonymous || m.ReplyTo != "" {
		t.Errorf("meta %+v", m)
	}
	if m.ExpectedVersion == nil || *m.ExpectedVersion != zero || m.ValidAt == nil || *m.ValidAt != at {
		t.Errorf("expected version %v, valid at %v", m.ExpectedVersion, m.ValidAt)
	}
}

func TestAnIDIsMadeForWhoSendsNone(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b)
	seen := map[string]bool{}
	for range 100 {
		a := post("/v1/bank/account/a/deposit", tenEuros).do(t, s)
		a.check(t, want{status: http.StatusAccepted})
		if id := a.accepted.CommandID; len(id) != 36 || id[14] != '7' || seen[id] {
			t.Fatalf("%q is no new UUIDv7", id)
		}
		seen[a.accepted.CommandID] = true
	}
}

func TestAQuotedIdempotencyKeyIsTheSameAsABareOne(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b)
	for _, key := range []string{"k-1", `"k-1"`} {
		post("/v1/bank/account/a/open", openAccount, "Idempotency-Key", key).do(t, s).check(t, want{status: http.StatusAccepted})
	}
	if m := b.metas(); m[0].CommandID != "k-1" || m[1].CommandID != "k-1" {
		t.Fatalf("published as %q and %q", m[0].CommandID, m[1].CommandID)
	}
}

func TestACallerWhoWaitsGetsTheOutcome(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	a := ask("/v1/bank/account/a/open", openAccount, "Idempotency-Key", "k").do(t, s)
	a.check(t, want{status: http.StatusOK})
	r := a.result
	if r.Outcome != es.Accepted || r.Version != 1 || r.CommandID != "k" || r.Command != "bank.account.open" || !strings.HasPrefix(r.Position, "bank/") || len(r.Events) != 1 {
		t.Errorf("answered %s", a.raw)
	}
	if !strings.Contains(string(r.Events[0]), "AccountOpened") {
		t.Errorf("event %s", r.Events[0])
	}
	if a.header.Get("Preference-Applied") != "wait=20" || a.header.Get("ETag") != `"1"` {
		t.Errorf("headers %v", a.header)
	}
	again := ask("/v1/bank/account/a/open", openAccount, "Idempotency-Key", "k").do(t, s)
	again.check(t, want{status: http.StatusOK})
	if !again.result.Duplicate || again.result.Version != 1 {
		t.Errorf("sent again: %s", again.raw)
	}
	ask("/v1/bank/account/a/unfreeze", `{}`).do(t, s).check(t, want{status: http.StatusOK, says: `"outcome":"unchanged"`})
}

func TestAVersionReadIsAVersionToExpect(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	a := ask("/v1/bank/account/a/open", openAccount, "If-Match", `"0"`).do(t, s)
	a.check(t, want{status: http.StatusOK})
	ask("/v1/bank/account/a/deposit", tenEuros, "If-Match", a.header.Get("ETag")).do(t, s).check(t, want{status: http.StatusOK})
	stale := ask("/v1/bank/account/a/deposit", tenEuros, "If-Match", a.header.Get("ETag")).do(t, s)
	stale.check(t, want{status: http.StatusPreconditionFailed, code: "version-conflict"})
	if stale.problem.Version == nil || *stale.problem.Version != 2 {
		t.Errorf("the actual version is missing: %s", stale.raw)
	}
}

func TestRefusalsAreProblemsWithTheDomainsCode(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t))
	openFor(t, s, "a")
	a := ask("/v1/bank/account/a/withdraw", tenEuros, "Idempotency-Key", "w").do(t, s)
	a.check(t, want{status: http.StatusConflict, code: "account/insufficient-funds", says: `"outcome":"refused"`})
	if a.problem.CommandID != "w" || a.problem.Command != "bank.account.withdraw" {
		t.Errorf("answered %s", a.raw)
	}
	ask("/v1/bank/account/a/deposit", tenEuros, "Idempotency-Key", "w").do(t, s).
		check(t, want{status: http.StatusUnprocessableEntity, code: "command-id-reused"})
}

func TestAFailedCommandIsAProblem(t *testing.T) {
	t.Parallel()
	p := Result{Outcome: es.Failed, Code: "decide-panicked", Detail: "index out of range"}.problem()
	if p == nil || p.Status != http.StatusInternalServerError || p.Code != "decide-panicked" || !strings.Contains(p.Detail, "dead letters") {
		t.Fatalf("answered %+v", p)
	}
}

func TestWhoWaitsInVainIsToldWhereToAsk(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.mute = true
	s := newServer(t, b)
	started := time.Now()
	a := ask("/v1/bank/account/a/open", openAccount, "Prefer", "wait=20")
	a.header["Prefer"] = "wait=1"
	got := a.do(t, s)
	got.check(t, want{status: http.StatusAccepted})
	if took := time.Since(started); took < time.Second || got.header.Get("Location") == "" || got.header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("after %v: %s, headers %v", took, got.raw, got.header)
	}
	if n := len(s.waiters.waiting); n != 0 {
		t.Errorf("%d waiters are left behind", n)
	}
}

func TestAReplyOfAnotherRequestIsNotTaken(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b)
	openFor(t, s, "a")
	// The first request's reply is held back until the second, with the same command ID and another body, waits: an
	// address of the instance alone, or the command's ID, would hand the second the first one's "accepted".
	var first []byte
	var firstAddress string
	deliver := b.deliver
	b.deliver = func(address string, value []byte) {
		if first == nil {
			first, firstAddress = value, address
			return
		}
		deliver(firstAddress, first)
		deliver(address, value)
	}
	c := ask("/v1/bank/account/a/deposit", tenEuros, "Idempotency-Key", "k")
	c.header["Prefer"] = "wait=1"
	c.do(t, s).check(t, want{status: http.StatusAccepted})
	ask("/v1/bank/account/a/deposit", `{"amount":1,"currency":"EUR","reference":"r"}`, "Idempotency-Key", "k").do(t, s).
		check(t, want{status: http.StatusUnprocessableEntity, code: "command-id-reused"})
}

func TestAReplyThatCannotBeReadSendsTheCallerToTheViews(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(codec *bank, value []byte) []byte{
		"garbage":            func(*bank, []byte) []byte { return []byte("garbage") },
		"of another command": func(b *bank, _ []byte) []byte { return b.strangersReply() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			s := newServer(t, b)
			deliver := b.deliver
			b.deliver = func(address string, value []byte) { deliver(address, spoil(b, value)) }
			ask("/v1/bank/account/a/open", openAccount).do(t, s).check(t, want{status: http.StatusAccepted})
		})
	}
}

func TestWithoutRepliesNobodyWaits(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	s := newServer(t, b, func(c *Config) { c.Replies = nil })
	a := ask("/v1/bank/account/a/open", openAccount).do(t, s)
	a.check(t, want{status: http.StatusAccepted})
	if a.header.Get("Preference-Applied") != "" || b.metas()[0].ReplyTo != "" {
		t.Errorf("a wait was promised: %v", a.header)
	}
}

func TestABrokerThatFailsIsAProblemAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*bank)
		want want
	}{
		"unreachable": {func(b *bank) {
			b.tamper = func(_ kafka.Command, done func(int32, int64, error)) bool {
				done(-1, -1, errors.New("no broker"))
				return false
			}
		}, want{status: http.StatusServiceUnavailable, code: CodeBroker, says: "send it again with the same Idempotency-Key"}},
		"silent": {func(b *bank) {
			b.tamper = func(kafka.Command, func(int32, int64, error)) bool { return false }
		}, want{status: http.StatusServiceUnavailable, code: CodeBroker, says: "has not acknowledged it"}},
		"full":      {func(b *bank) { b.full = kafka.ErrOverloaded }, want{status: http.StatusTooManyRequests, code: CodeOverloaded}},
		"too large": {func(b *bank) { b.full = kafka.ErrTooLarge }, want{status: http.StatusRequestEntityTooLarge, code: CodeTooLarge}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBank(t)
			s := newServer(t, b, func(c *Config) { c.AckTimeout = 50 * time.Millisecond })
			c.set(b)
			a := ask("/v1/bank/account/a/open", openAccount, "Idempotency-Key", "k").do(t, s)
			a.check(t, c.want)
			if a.problem.CommandID != "k" {
				t.Errorf("the command's ID is missing: %s", a.raw)
			}
			if (a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests) && a.header.Get("Retry-After") == "" {
				t.Errorf("Retry-After is missing: %v", a.header)
			}
			b.tamper, b.full = nil, nil
			openFor(t, s, "a")
		})
	}
}

// strangersReply is a reply to a command that nobody here sent.
func (b *bank) strangersReply() []byte {
	value, err := b.codec.AppendReply(nil, strangersReply())
	if err != nil {
		b.t.Fatal(err)
	}
	return value
}
