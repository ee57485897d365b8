package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
)

// running is a recount up in this process.
type running struct {
	t         *testing.T
	out, errs output
	stop      context.CancelFunc
	exit      chan int
}

// startPatience is how long a start may take on a machine that has much else to do.
const startPatience = 10 * time.Minute

// startUp returns once the banner, or whatever until says, is there.
func startUp(t *testing.T, until string, args ...string) *running {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r := &running{t: t, stop: stop, exit: make(chan int, 1)}
	args = append([]string{"up", "--partitions", "4", "--http-port", "0", "--kafka-port", "0", "--clickhouse-port", "0", "--registry-port", "0"}, args...)
	go func() { r.exit <- recount(ctx, &r.out, &r.errs, args...) }()
	for deadline := time.Now().Add(startPatience); !strings.Contains(r.out.String(), until); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) || len(r.exit) > 0 {
			t.Fatalf("not up:\n%s%s", r.out.String(), r.errs.String())
		}
	}
	return r
}

// end stops it as Ctrl-C does.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if code := <-r.exit; code != cli.ExitOK {
		r.t.Errorf("exit %d\n%s", code, r.errs.String())
	}
}

// url is the address behind a word of the banner.
func (r *running) url(what string) string {
	r.t.Helper()
	found := regexp.MustCompile(`(?m)^  ` + what + ` +(\S+)`).FindStringSubmatch(r.out.String())
	if found == nil {
		r.t.Fatalf("no %s in %s", what, r.out.String())
	}
	return found[1]
}

func request(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Prefer", "wait=10")
	req.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, read(t, response)
}

// read is an answer's body.
func read(t *testing.T, response *http.Response) string {
	t.Helper()
	answer, err := io.ReadAll(response.Body)
	if err == nil {
		err = response.Body.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

// balance waits for a balance to be seen in ClickHouse.
func (r *running) balance(want string) {
	r.t.Helper()
	const query = "SELECT balance FROM recount.account_balances WHERE account_id = 'acct-1'"
	got := ""
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if _, got = request(r.t, http.MethodPost, r.url("ClickHouse"), query); got == want+"\n" {
			return
		}
	}
	r.t.Errorf("ClickHouse says %q, want %s", got, want)
}

func TestUpGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := startUp(t, "Ctrl-C", "--data", dir)
	if code, answer := request(t, http.MethodGet, first.url("HTTP")+"/readyz", ""); code != http.StatusOK {
		t.Errorf("readyz: %d %s", code, answer)
	}
	// What the banner says to try works.
	tries := regexp.MustCompile(`--json '(.*)' (\S+)`).FindAllStringSubmatch(first.out.String(), -1)
	if len(tries) != 2 {
		t.Fatalf("no two commands to try in %s", first.out.String())
	}
	for _, try := range tries {
		if code, answer := request(t, http.MethodPost, try[2], try[1]); code != http.StatusOK {
			t.Fatalf("%s: %d %s", try[0], code, answer)
		}
	}
	first.balance("1999")

	var out, errs output
	code := recount(t.Context(), &out, &errs, "up", "--data", dir)
	if code != cli.ExitFailed || !strings.Contains(errs.String(), "in use") || !strings.Contains(errs.String(), dir) {
		t.Errorf("a second instance on the same data: exit %d\n%s%s", code, out.String(), errs.String())
	}
	first.end()

	second := startUp(t, "Ctrl-C", "--data", dir)
	if code, answer := request(t, http.MethodPost, second.url("HTTP")+"/v1/bank/account/acct-1/withdraw", `{"amount":1000,"currency":"EUR"}`); code != http.StatusOK || !strings.Contains(answer, `"version":3`) {
		t.Errorf("after a restart: %d %s", code, answer)
	}
	second.balance("999")
	second.end()
}

func TestOneServiceAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	r := startUp(t, "Ctrl-C", "--data", dir, "--only", "registry")
	if !strings.HasPrefix(r.out.String(), "registry listens on 127.0.0.1:") {
		t.Errorf("got %s", r.out.String())
	}
	if _, err := os.Stat(filepath.Join(dir, "kafka")); !os.IsNotExist(err) {
		t.Errorf("Kafka was started too: %v", err)
	}
	r.end()
}

// TestStoppedBeforeItWasUp: a Ctrl-C during the start leaves nothing that keeps the folder.
func TestStoppedBeforeItWasUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	var out, errs output
	recount(ctx, &out, &errs, "up", "--data", dir, "--partitions", "4", "--http-port", "0", "--kafka-port", "0", "--clickhouse-port", "0", "--registry-port", "0")
	startUp(t, "Ctrl-C", "--data", dir).end()
}
