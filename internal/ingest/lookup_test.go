package ingest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"recount/internal/es"
)

// views is a Lookup over a map.
type views struct {
	known map[CommandKey]Result
	err   error
}

func (v views) Command(_ context.Context, key CommandKey) (Result, bool, error) {
	r, ok := v.known[key]
	return r, ok, v.err
}

func TestTheAddressOfACommandTellsWhatTheViewsKnow(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	known := map[CommandKey]Result{}
	s := newServer(t, b, func(c *Config) { c.Lookup = views{known: known} })
	sent := post("/v1/bank/account/a%2Fb/withdraw", tenEuros, "Idempotency-Key", "k?1").do(t, s)
	location := get(sent.header.Get("Location"))
	a := location.do(t, s)
	a.check(t, want{status: http.StatusNotFound, code: CodeOutcomeUnknown})
	if a.header.Get("Retry-After") == "" || a.problem.CommandID != "k?1" {
		t.Errorf("not yet: %s, headers %v", a.raw, a.header)
	}
	known[CommandKey{"bank", "account", "a/b", "k?1"}] = Result{
		CommandID: "k?1", Command: "bank.account.withdraw", Outcome: es.Refused, Code: "account/not-open", Events: []json.RawMessage{},
	}
	a = location.do(t, s)
	a.check(t, want{status: http.StatusOK, says: `"outcome":"refused","code":"account/not-open"`})

	head := location
	head.method = http.MethodHead
	if w := head.do(t, s); w.status != http.StatusOK {
		t.Errorf("HEAD: %d", w.status)
	}
}

func TestTheAddressOfACommandCanFail(t *testing.T) {
	t.Parallel()
	none := newServer(t, newBank(t))
	broken := newServer(t, newBank(t), func(c *Config) { c.Lookup = views{err: errors.New("no route to host 10.1.2.3")} })
	const path = "/v1/bank/account/a/commands/k"
	get(path).do(t, none).check(t, want{status: http.StatusServiceUnavailable, code: CodeViews})
	a := get(path).do(t, broken)
	a.check(t, want{status: http.StatusServiceUnavailable, code: CodeViews})
	get("/v1/shop/account/a/commands/k").do(t, broken).check(t, want{status: http.StatusNotFound, code: CodeUnknownContext})
	get("/v1/bank/loan/a/commands/k").do(t, broken).check(t, want{status: http.StatusNotFound, code: CodeUnknownAggregate})
	get("/v1/bank/account/a/commands/%00").do(t, broken).check(t, want{status: http.StatusBadRequest, code: CodeMalformed, field: "command_id"})
	get("/v1/bank/account/%00/commands/k").do(t, broken).check(t, want{status: http.StatusBadRequest, code: CodeMalformed, field: "id"})
}
