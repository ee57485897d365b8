//go:build e2e

package prometheus

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is for a machine that compiles meanwhile.
const patience = 4 * time.Minute

// quiet are the panels that show nothing while all is well, or nobody rebuilds a view.
func quiet() []string {
	return []string{
		"Dead letters, last hour", "Transactions that were not committed",
		"Aggregates parked, by view", "Inserts that were repeated", "Parked events and what became of them", "Views that stopped",
		"Undone, last hour", "Stuck, last hour", "What failed",
		"Restores", "Standbys behind", "Checkpoints", "Snapshots written by checkpoints", "Sessions that started again",
		"Filled", "Left, at this rate", "Views that serve are behind", "Tables that differ", "Offsets passed", "Offsets and rows a second",
		"Points passed", "Tables compared", "Time to compare a table", "Time of the switch",
	}
}

// TestBoardsShowARunningPipeline runs recount up and a Prometheus that scrapes it, and asks what every panel asks: none is
// refused, and what has happened is shown. No alert fires, and every rule is evaluated.
func TestBoardsShowARunningPipeline(t *testing.T) {
	t.Parallel()
	pipeline := startPipeline(t)
	server := startPrometheus(t, pipeline)
	for n, until := 0, time.Now().Add(40*time.Second); time.Now().Before(until); n++ {
		trade(t, pipeline, n)
		time.Sleep(100 * time.Millisecond)
	}
	for name, b := range boards(t) {
		for _, p := range b.Panels {
			awaitPanel(t, server, name, p)
		}
	}
	var rules struct {
		Groups []struct {
			Rules []struct{ Name, Health, State, LastError string }
		}
	}
	get(t, server+"/api/v1/rules", &rules)
	seen := 0
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			seen++
			// recount up plays all roles under one name.
			if r.Health != "ok" || r.State == "firing" && r.Name != "RecountRoleMissing" {
				t.Errorf("rule %s: %s %s %s", r.Name, r.Health, r.State, r.LastError)
			}
		}
	}
	if want := len(rulesOf(t)); seen != want {
		t.Errorf("Prometheus has %d rules, not %d", seen, want)
	}
	if answered, err := ask(t, server, "recount_never_total"); err != nil || answered {
		t.Errorf("the control: a metric that is not there was shown (%v)", err)
	}
	if _, err := ask(t, server, "sum("); err == nil {
		t.Error("the control: a query that is none was answered")
	}
}

func awaitPanel(t *testing.T, server, board string, p panel) {
	t.Helper()
	for deadline := time.Now().Add(patience); p.Type != "row"; time.Sleep(2 * time.Second) {
		answered := false
		for _, target := range p.Targets {
			some, err := ask(t, server, plain(target.Expr))
			if err != nil {
				t.Errorf("%s, panel %q: %v", board, p.Title, err)
				return
			}
			answered = answered || some
		}
		if answered || slices.Contains(quiet(), p.Title) {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s, panel %q shows nothing", board, p.Title)
			return
		}
	}
}

// trade opens two accounts, pays in, takes out more than there is, and moves money from one to the other.
func trade(t *testing.T, pipeline string, n int) {
	t.Helper()
	one, other := fmt.Sprintf("a-%d", n), fmt.Sprintf("b-%d", n)
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"account/" + one + "/open", `{"customer_id":"ada","currency":"EUR"}`, http.StatusOK},
		{"account/" + other + "/open", `{"customer_id":"bob","currency":"EUR"}`, http.StatusOK},
		{"account/" + one + "/deposit", `{"amount":1000,"currency":"EUR","reference":"pay"}`, http.StatusOK},
		{"account/" + one + "/withdraw", `{"amount":5000,"currency":"EUR","reference":"too much"}`, http.StatusConflict},
		{"transfer/t-" + one + "/request", fmt.Sprintf(`{"from_account":%q,"to_account":%q,"amount":500,"currency":"EUR"}`, one, other), http.StatusOK},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, pipeline+"/v1/bank/"+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Prefer", "wait=20")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Fatalf("%s: %s", c.path, resp.Status)
		}
	}
}

// ask says whether a query is answered with anything.
func ask(t *testing.T, server, query string) (bool, error) {
	t.Helper()
	var answer struct{ Result []json.RawMessage }
	err := fetch(server+"/api/v1/query?query="+url.QueryEscape(query), &answer)
	return len(answer.Result) > 0, err
}

func get(t *testing.T, from string, into any) {
	t.Helper()
	if err := fetch(from, into); err != nil {
		t.Fatal(err)
	}
}

func fetch(from string, into any) error {
	resp, err := http.Get(from)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return err
	}
	if answer.Status != "success" {
		return fmt.Errorf("%s: %s", from, answer.Error)
	}
	return json.Unmarshal(answer.Data, into)
}

func startPipeline(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	recount := filepath.Join(dir, "recount")
	build := exec.Command("go", "build", "-o", recount, "./cmd/recount")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building recount: %v\n%s", err, out)
	}
	port := freePort(t)
	start(t, recount, "up", "--data", filepath.Join(dir, "data"), "--http-port", port, "--kafka-port", "0", "--clickhouse-port", "0",
		"--registry-port", "0", "--partitions", "4")
	at := "http://127.0.0.1:" + port
	awaitOK(t, at+"/readyz")
	return at
}

func startPrometheus(t *testing.T, pipeline string) string {
	t.Helper()
	dir := t.TempDir()
	rules, err := filepath.Abs(filepath.Join("rules", "*.yml"))
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "prometheus.yml")
	text := fmt.Sprintf("global: {scrape_interval: 1s, evaluation_interval: 1s}\nrule_files: [%q]\nscrape_configs:\n"+
		"  - job_name: recount-up\n    static_configs: [{targets: [%q]}]\n", rules, strings.TrimPrefix(pipeline, "http://"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	start(t, program(t, "prometheus"), "--config.file", config, "--storage.tsdb.path", filepath.Join(dir, "data"), "--web.listen-address", "127.0.0.1:"+port)
	at := "http://127.0.0.1:" + port
	awaitOK(t, at+"/-/ready")
	return at
}

// start runs a program until the test ends.
func start(t *testing.T, path string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(context.Background(), path, args...)
	run.Stdout, run.Stderr = log, log
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Signal(syscall.SIGTERM)
		_ = run.Wait()
		if said, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), said[max(0, len(said)-4000):])
		}
		_ = log.Close()
	})
}

func awaitOK(t *testing.T, at string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		resp, err := http.Get(at)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is not ready: %v", at, err)
		}
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}
