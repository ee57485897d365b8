package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"recount/internal/es"
)

// tide is a ViewWaiter over a map of offsets that are there.
type tide struct {
	reached map[string]int64
	err     error
}

func (v tide) WaitFor(ctx context.Context, view string, at es.Position) error {
	if v.err != nil || v.reached[view] >= at.Offset {
		return v.err
	}
	<-ctx.Done()
	return fmt.Errorf("it is at %d: %w", v.reached[view], ctx.Err())
}

func waiting(v ViewWaiter) func(*Config) {
	return func(c *Config) {
		c.Waiter = v
		c.Views = []View{{"account_balances", []string{"bank"}}, {"events", []string{"bank", "shop"}}}
	}
}

func TestWaitingForAView(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), waiting(tide{reached: map[string]int64{"account_balances": 7}}))
	const path = "/v1/views/account_balances/wait?position="
	get(path+"bank/1@7").do(t, s).check(t, want{status: http.StatusOK, says: `{"view":"account_balances","position":"bank/1@7"}`})
	behind := get(path + "bank/1@8")
	behind.header = map[string]string{"Prefer": "wait=1"}
	a := behind.do(t, s)
	a.check(t, want{status: http.StatusGatewayTimeout, code: CodeViewBehind})
	if a.header.Get("Retry-After") == "" || a.header.Get("Preference-Applied") != "wait=1" {
		t.Errorf("headers %v", a.header)
	}
}

func TestWaitingInVainIsRefused(t *testing.T) {
	t.Parallel()
	s := newServer(t, newBank(t), waiting(tide{}))
	for address, w := range map[string]want{
		"refusals/wait?position=bank/1@7":                                       {status: http.StatusNotFound, code: CodeUnknownView},
		"account_balances/wait":                                                 {status: http.StatusBadRequest, code: CodeMalformed, field: "position"},
		"account_balances/wait?position=bank/1":                                 {status: http.StatusBadRequest, code: CodeMalformed, field: "position"},
		"account_balances/wait?position=bank/-1@7":                              {status: http.StatusBadRequest, code: CodeMalformed, field: "position"},
		"account_balances/wait?position=bank/1@7&position=bank/1@8":             {status: http.StatusBadRequest, code: CodeMalformed, field: "position"},
		"account_balances/wait?position=shop/1@7":                               {status: http.StatusUnprocessableEntity, code: CodeInvalidField, field: "position"},
		fmt.Sprintf("account_balances/wait?position=bank/%d@7", testPartitions): {status: http.StatusUnprocessableEntity, code: CodeInvalidField, field: "position"},
	} {
		get("/v1/views/"+address).do(t, s).check(t, w)
	}
	sent := get("/v1/views/account_balances/wait?position=bank/1@7")
	sent.method = http.MethodPost
	sent.do(t, s).check(t, want{status: http.StatusMethodNotAllowed, code: CodeMethod})
	const path = "/v1/views/events/wait?position=shop/0@0"
	get(path).do(t, newServer(t, newBank(t), waiting(nil))).check(t, want{status: http.StatusServiceUnavailable, code: CodeViews})
	broken := newServer(t, newBank(t), waiting(tide{err: errors.New("no route to host 10.1.2.3")}))
	get(path).do(t, broken).check(t, want{status: http.StatusServiceUnavailable, code: CodeViews})
}
