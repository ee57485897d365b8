package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"recount/cmd/internal/cli"
	"recount/internal/webconsole/browsertest"
)

// TestConsole walks through the console of recount up in a browser, and then asks recount console for the same, while
// everything runs and after it has gone.
func TestConsole(t *testing.T) {
	t.Parallel()
	up := startUp(t, "Ctrl-C", "--data", t.TempDir())
	send := func(path, body string) {
		if code, answer := request(t, http.MethodPost, up.url("HTTP")+"/v1/bank/"+path, body); code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, code, answer)
		}
	}
	send("account/acct-1/open", `{"customer_id":"ada","currency":"EUR"}`)
	send("account/acct-1/deposit", `{"amount":1999,"currency":"EUR","reference":"<b>salary</b>"}`)
	send("transfer/t-1/request", `{"from_account":"acct-1","to_account":"nobody","amount":500,"currency":"EUR"}`)
	if code, answer := request(t, http.MethodGet, up.url("HTTP")+"/", ""); code != http.StatusOK || !strings.Contains(answer, "<h1>Overview</h1>") {
		t.Errorf("at the address itself: %d %s", code, answer)
	}

	p := browsertest.Open(t)
	p.Go(up.url("console"))
	p.Until("that all is well", `document.querySelector("[data-say]").textContent === "Nothing needs you."`)
	sound(t, p)
	if text := p.Text(); !strings.Contains(text, "✓ ok ClickHouse") || !strings.Contains(text, "account_balances") || !strings.Contains(text, "money_transfer") {
		t.Errorf("the overview lacks what recount status has:\n%s", text)
	}
	walkAccount(t, p)
	walkSaga(t, p)
	p.Follow("Views and rebuilds")
	p.Until("views that have all there is", `[...document.querySelectorAll("progress")].length > 5 && [...document.querySelectorAll("progress")].every(e => e.value === 100)`)
	if text := p.Text(); !regexp.MustCompile(`events\s+1\s+serving\s+100 %: [1-9]`).MatchString(text) {
		t.Errorf("the view of events has nothing in it:\n%s", text)
	}
	sound(t, p)

	guarded(t, up)
	services := []string{"--kafka", up.url("Kafka"), "--clickhouse", up.url("ClickHouse"), "--registry", up.url("registry"), "--partitions", "4"}
	alone := startConsole(t, append(services, "--role", strings.TrimPrefix(up.url("HTTP"), "http://"))...)
	if code, page := request(t, http.MethodGet, alone.page+"/aggregate?type=bank/account&id=acct-1&version=2", ""); code != http.StatusOK || !strings.Contains(page, "FundsDeposited") {
		t.Errorf("recount console: %d %s", code, page)
	}
	up.end()
	withoutServices(t, alone.page)
	alone.end()
}

// sound audits the page that is shown, and presses Tab through it.
func sound(t *testing.T, p *browsertest.Page) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		p.Scheme(scheme)
		if found := p.Audit(); len(found) > 0 {
			t.Errorf("%s\n%s", scheme, browsertest.Report(found))
		}
	}
	if faults := p.Unreachable(); len(faults) > 0 {
		t.Errorf("by keyboard: %s", strings.Join(faults, "\n"))
	}
}

// walkAccount follows links to an account, and moves through its versions by keys.
func walkAccount(t *testing.T, p *browsertest.Page) {
	t.Helper()
	p.Follow("Aggregates")
	p.Until("the reversal of the transfer", `[...document.querySelectorAll("#live tbody tr")].filter(r => r.textContent.includes("acct-1") && r.textContent.includes("FundsDeposited")).length === 2`)
	p.Follow("account acct-1")
	const balance = `[...document.querySelectorAll("#live tbody tr")].find(r => r.cells[0].textContent === "balance").cells[2].textContent`
	p.Focus("#version")
	p.Press(kb.Home + kb.ArrowRight + kb.ArrowRight)
	p.Until("the first deposit", `document.querySelector("#shown").textContent.startsWith("Version 2 of 4: FundsDeposited") && `+balance+` === "1999"`)
	if text := p.Text(); !strings.Contains(text, "<b>salary</b>") {
		t.Errorf("version 2 is\n%s", text)
	}
	p.Press(kb.ArrowRight)
	p.Until("the withdrawal", balance+` === "1499"`)
	p.Until("that it was the saga's doing", `document.querySelector("#live dl").textContent.includes("bank/money_transfer/t-1")`)
	sound(t, p)
	correlation := browsertest.Eval[string](p, `[...document.querySelectorAll("#live dl a")].find(a => a.href.includes("correlation=")).textContent`)
	p.Follow("Traces")
	sound(t, p)
	p.Focus("#id")
	p.Press(correlation + kb.Enter)
	p.Until("everything of one request", `["TransferRequested", "FundsWithdrawn", "StepRequested", "TransferFailed", "refused"].every(w => document.body.innerText.includes(w))`)
	sound(t, p)
}

// walkSaga follows links to the transfer that came to nothing.
func walkSaga(t *testing.T, p *browsertest.Page) {
	t.Helper()
	p.Follow("Sagas")
	p.Until("the transfer's end", `document.querySelector("#live tbody")?.textContent.includes("compensated")`)
	p.Follow("money_transfer t-1")
	text := p.Text()
	for _, want := range []string{"compensated, at version", "account/not-open", "undo_withdraw", "bank/money_transfer/t-1/withdraw.0.undo#1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if drawn := browsertest.Eval[string](p, `[...document.querySelectorAll("svg g.box.good, svg g.box.bad")].map(g => g.textContent).join()`); !strings.Contains(drawn, "deposit✗ refused") || !strings.Contains(drawn, "undo_withdraw✓ done") {
		t.Errorf("the diagram marks %s", drawn)
	}
	sound(t, p)
}

// guarded tries what a web page of somebody else would: a name of its own that leads here.
func guarded(t *testing.T, up *running) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, up.url("console"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Host = "evil.example"
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusForbidden {
		t.Errorf("under another name: %d, %v", answer.StatusCode, err)
	}
	if code, _ := request(t, http.MethodPost, up.url("console"), "{}"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
}

// withoutServices looks at a console whose services have gone.
func withoutServices(t *testing.T, page string) {
	t.Helper()
	for path, want := range map[string]struct {
		code int
		says string
	}{
		"":                                       {http.StatusOK, "Is it running, and is --kafka right?"},
		"/views":                                 {http.StatusOK, "is --clickhouse right?"},
		"/trace?command=c":                       {http.StatusServiceUnavailable, "is --clickhouse right?"},
		"/aggregate?type=bank/account&id=acct-1": {http.StatusServiceUnavailable, "Kafka can&#39;t be reached"},
		"/saga?type=bank/money_transfer&id=t-1":  {http.StatusServiceUnavailable, "Kafka can&#39;t be reached"},
		"/aggregates":                            {http.StatusOK, "This part can't be shown now."},
	} {
		code, answer := request(t, http.MethodGet, page+path, "")
		if code != want.code || !strings.Contains(answer, want.says) {
			t.Errorf("%s: %d, want %d and %q\n%s", path, code, want.code, want.says, answer)
		}
	}
}

// consoleRun is a recount console in this process.
type consoleRun struct {
	*running
	page string
}

func startConsole(t *testing.T, args ...string) consoleRun {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{t: t, stop: stop, exit: make(chan int, 1)}
	args = append([]string{"console", "--http-addr", "127.0.0.1:0"}, args...)
	go func() { r.exit <- recount(ctx, &r.out, &r.errs, args...) }()
	for deadline := time.Now().Add(startPatience); ; time.Sleep(20 * time.Millisecond) {
		if found := regexp.MustCompile(`http://\S+/console`).FindString(r.out.String()); found != "" {
			return consoleRun{r, found}
		}
		if time.Now().After(deadline) || len(r.exit) > 0 {
			t.Fatalf("not there:\n%s%s", r.out.String(), r.errs.String())
		}
	}
}

// TestTheConsoleKeepsItsSecrets: nothing answers, and what is told of that has neither the passwords nor the token.
func TestTheConsoleKeepsItsSecrets(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("a-token"))
	tokens := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(tokens, []byte("ada:"+hex.EncodeToString(sum[:])), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startConsole(t, "--tokens", tokens, "--kafka", "127.0.0.1:1", "--clickhouse", "http://ada:sesame@127.0.0.1:1", "--registry", "http://ada:sesame@127.0.0.1:1")
	ask := func(path, password string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.page+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if password != "" {
			req.SetBasicAuth("anybody", password)
		}
		answer, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, read(t, answer)
	}
	for _, path := range []string{"", "/aggregates", "/aggregate?type=bank/account&id=a", "/sagas", "/saga?type=bank/money_transfer&id=t", "/views", "/trace?command=c", "/style.css"} {
		if code, _ := ask(path, ""); code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, code)
		}
		code, page := ask(path, "a-token")
		if code != http.StatusOK && code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", path, code)
		}
		if strings.Contains(page, "sesame") || strings.Contains(page, "a-token") || strings.Contains(page, hex.EncodeToString(sum[:4])) {
			t.Errorf("%s tells a secret:\n%s", path, page)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, _ := request(t, http.MethodGet, strings.TrimSuffix(r.page, "/console")+path, ""); code != http.StatusOK {
			t.Errorf("%s: %d: an orchestrator would take it for dead, though its pages answer", path, code)
		}
	}
	if said := r.out.String() + r.errs.String(); strings.Contains(said, "sesame") || strings.Contains(said, "a-token") {
		t.Errorf("it says a secret: %s", said)
	}
	r.end()
	var out, errs output
	if code := recount(t.Context(), &out, &errs, "console", "--http-addr", "0.0.0.0:0"); code != cli.ExitUsage || !strings.Contains(errs.String(), "--tokens") {
		t.Errorf("for everybody, without tokens: exit %d\n%s", code, errs.String())
	}
}
