package acceptance_test

import (
	"net/http"
	"net/url"
	"testing"

	"recount/cmd/recount/wait"
)

// readsItsWrites changes an account again and again, each time waits until the view of balances has it, and looks: it is
// always there. Looking at once would miss some, or waiting would prove nothing.
func readsItsWrites(t *testing.T, w *whole) {
	t.Helper()
	const account = "acct-reads-its-writes"
	w.command(t, account, "open", `{"customer_id":"ada","currency":"EUR"}`).expect(t, "opening", 200)
	missed := 0
	last := ""
	for i := 1; i <= 60; i++ {
		deposited := w.command(t, account, "deposit", `{"amount":7,"currency":"EUR"}`)
		deposited.expect(t, "a deposit", 200)
		last, _ = deposited.body["position"].(string)
		if balance := w.balanceOf(t, account); balance != int64(7*i) {
			missed++
		}
		w.waitFor(t, "account_balances", last).expect(t, "waiting", 200, "view", "account_balances", "position", last)
		if balance := w.balanceOf(t, account); balance != int64(7*i) {
			t.Fatalf("after %s was waited for, the balance is %d and not %d", last, balance, 7*i)
		}
	}
	if missed == 0 {
		t.Error("the balance was always there at once: the test proves nothing")
	}
	w.waitsOnTheCommandLine(t, last)
}

func (w *whole) waitFor(t *testing.T, view, position string) answer {
	t.Helper()
	return w.send(t, http.MethodGet, "/v1/views/"+view+"/wait?position="+url.QueryEscape(position), "")
}

// balanceOf is 0 for an account that the view does not have yet.
func (w *whole) balanceOf(t *testing.T, account string) (balance int64) {
	t.Helper()
	if err := w.db.Row(t.Context(), "SELECT sum(balance) FROM account_balances WHERE account_id = ?", account).Scan(&balance); err != nil {
		t.Fatal(err)
	}
	return balance
}

func (w *whole) waitsOnTheCommandLine(t *testing.T, position string) {
	t.Helper()
	run := func(flags ...string) error {
		c := wait.Command()
		c.SetArgs(append(flags, "--clickhouse", w.Services.ClickHouse, "--database", w.Services.Database))
		return c.ExecuteContext(t.Context())
	}
	if err := run("--view", "account_history", "--position", position); err != nil {
		t.Error(err)
	}
	for what, flags := range map[string][]string{
		"a position that is never reached": {"--view", "account_history", "--position", "bank/0@4611686018427387904", "--timeout", "100ms"},
		"an unknown view":                  {"--view", "ledger", "--position", position},
		"a view of other records":          {"--view", "refusals", "--position", position},
		"no position":                      {"--view", "account_history"},
		"no such position":                 {"--view", "account_history", "--position", "bank@7"},
		"another context's position":       {"--view", "account_history", "--position", "shop/0@7"},
	} {
		if err := run(flags...); err == nil {
			t.Errorf("%s was waited for", what)
		}
	}
}
