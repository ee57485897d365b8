package role

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/telemetry"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

const (
	partitions = 2
	patience   = 2 * time.Minute
)

// services starts a broker and a registry, and ClickHouse if asked.
func services(t *testing.T, withViews bool) cli.Services {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	s := cli.DefaultServices()
	s.Kafka, s.Registry, s.Partitions = []string{broker.Addr()}, registry.URL(), partitions
	if withViews {
		db := embeddedtest.ClickHouse(t)
		s.ClickHouse = db.URL()
	}
	return s
}

func surroundings(s cli.Services) Surroundings {
	return Surroundings{Name: "test", Services: s, Topics: DefaultTopics(), Log: slog.New(slog.DiscardHandler), Telemetry: telemetry.New("test")}
}

// lay lays a foundation and returns it with what closes it.
func lay(t *testing.T, s cli.Services) *Foundation {
	t.Helper()
	f, err := Lay(t.Context(), surroundings(s))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// start runs roles until the test ends or stop is called, and waits until they are ready.
func start(t *testing.T, f *Foundation, roles ...Make) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- RunAll(ctx, f, roles...) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	deadline := time.Now().Add(patience)
	for len(f.Telemetry.Waiting()) > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("not ready: %v", f.Telemetry.Waiting())
		}
		time.Sleep(10 * time.Millisecond)
	}
	return stop
}

// pipeline runs an aggregator and an ingest server, and returns the server's URL.
func pipeline(t *testing.T, s cli.Services, state string, more ...Make) (url string, f *Foundation, stop func()) {
	t.Helper()
	f = lay(t, s)
	decide, take := NewAggregator(), NewIngest()
	decide.State, take.Address = state, "127.0.0.1:0"
	var server *IngestServer
	stop = start(t, f, append([]Make{Of(decide.Open), Of(func(ctx context.Context, f *Foundation) (_ *IngestServer, err error) {
		server, err = take.Open(ctx, f)
		return server, err
	})}, more...)...)
	return "http://" + server.Addr(), f, stop
}

// answer is what a server says of a command, be it a result or a problem.
type answer struct {
	Outcome, Code, Detail, Position string
	Version                         int64
	Events                          []json.RawMessage
}

func call(t *testing.T, method, url, body string, headers ...string) (int, answer, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var a answer
	if err := json.Unmarshal(raw, &a); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, url, resp.StatusCode, raw, err)
	}
	return resp.StatusCode, a, resp.Header
}

const (
	opening = `{"customer_id":"ada","currency":"EUR"}`
	twenty  = `{"amount":2000,"currency":"EUR","reference":"r"}`
)

// command sends one to acct-1 and waits for its outcome.
func command(t *testing.T, url, name, id, body string) (int, answer) {
	t.Helper()
	status, a, _ := call(t, http.MethodPost, url+"/v1/bank/account/acct-1/"+name, body, "Prefer", "wait=20", "Idempotency-Key", id)
	return status, a
}

func TestCommandsAreDecidedAndAnswered(t *testing.T) {
	t.Parallel()
	s := services(t, false)
	state := t.TempDir()
	url, f, stop := pipeline(t, s, state)
	for _, c := range []struct {
		name, id, body string
		status         int
		version        int64
		code           string
	}{
		{"open", "c-1", opening, http.StatusOK, 1, ""},
		{"deposit", "c-2", twenty, http.StatusOK, 2, ""},
		{"withdraw", "c-3", `{"amount":9999,"currency":"EUR","reference":"r"}`, http.StatusConflict, 2, "account/insufficient-funds"},
		{"deposit", "c-2", twenty, http.StatusOK, 2, ""}, // sent again
	} {
		status, a := command(t, url, c.name, c.id, c.body)
		if status != c.status || a.Version != c.version || a.Code != c.code {
			t.Errorf("%s %s: %d %+v", c.name, c.id, status, a)
		}
	}
	if status, _, header := call(t, http.MethodPost, url+"/v1/bank/account/acct-2/open", opening); status != http.StatusAccepted || header.Get("Location") == "" {
		t.Errorf("nobody waits: %d %v", status, header)
	}
	expect(t, f, "recount_aggregator_replies_total", 4)
	expect(t, f, "recount_aggregator_duplicates_total", 1)
	stop()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	// The next process on the same state goes on as the same worker.
	before := instance(t, state)
	url, _, _ = pipeline(t, s, state)
	if status, a := command(t, url, "deposit", "c-4", twenty); status != http.StatusOK || a.Version != 3 {
		t.Errorf("after a restart: %d %+v", status, a)
	}
	if after := instance(t, state); after != before {
		t.Errorf("%s came back as %s", before, after)
	}
}

func instance(t *testing.T, state string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(state, instanceFile))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// expect waits until the sum of a metric's series is no less than want, and compares: an answer may be here before the
// broker has told its sender so, who counts it then.
func expect(t *testing.T, f *Foundation, metric string, want float64) {
	t.Helper()
	got := sum(t, f, metric)
	for deadline := time.Now().Add(2 * time.Minute); got < want && time.Now().Before(deadline); got = sum(t, f, metric) {
		time.Sleep(10 * time.Millisecond)
	}
	if got != want {
		t.Errorf("%s is %v, want %v", metric, got, want)
	}
}

func sum(t *testing.T, f *Foundation, metric string) (total float64) {
	t.Helper()
	families, err := f.Telemetry.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == metric {
			for _, m := range family.GetMetric() {
				total += m.GetCounter().GetValue()
			}
		}
	}
	return total
}

func TestTheViewsKnowWhatBecameOfACommand(t *testing.T) {
	t.Parallel()
	s := services(t, true)
	url, f, _ := pipeline(t, s, t.TempDir(), Of(NewProjectors().Open))
	_, waited := command(t, url, "open", "c-1", opening)
	command(t, url, "withdraw", "c-2", twenty)
	command(t, url, "deposit", "c-2", twenty) // another command under the same ID: the first one's outcome stands

	asked := eventually(t, url+"/v1/bank/account/acct-1/commands/c-1")
	if asked.Outcome != "accepted" || asked.Version != 1 || asked.Position != waited.Position || len(asked.Events) != 1 {
		t.Errorf("asked: %+v", asked)
	}
	var a, b any
	if err := json.Unmarshal(asked.Events[0], &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(waited.Events[0], &b); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(a) != fmt.Sprint(b) {
		t.Errorf("who waits and who asks later learn different things:\n%s\n%s", waited.Events[0], asked.Events[0])
	}
	if refused := eventually(t, url+"/v1/bank/account/acct-1/commands/c-2"); refused.Outcome != "refused" || refused.Code != "account/insufficient-funds" {
		t.Errorf("asked for a refusal: %+v", refused)
	}
	if status, unknown, _ := call(t, http.MethodGet, url+"/v1/bank/account/acct-1/commands/never", ""); status != http.StatusNotFound || unknown.Code != "outcome-unknown" {
		t.Errorf("asked for nothing: %d %+v", status, unknown)
	}
	if status, _, _ := call(t, http.MethodGet, url+"/v1/bank/customer/acct-1/commands/c-1", ""); status != http.StatusNotFound {
		t.Errorf("a customer of the same ID got the same command: %d", status)
	}
	viewsStand(t, f)
}

// eventually asks until the views know.
func eventually(t *testing.T, url string) answer {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		status, a, _ := call(t, http.MethodGet, url, "")
		if status == http.StatusOK {
			return a
		}
		if time.Now().After(deadline) {
			t.Fatalf("GET %s: still %d %+v", url, status, a)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// viewsStand checks that the standings reach the logs' ends.
func viewsStand(t *testing.T, f *Foundation) {
	t.Helper()
	db, err := f.Views(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(patience)
	for {
		views, err := f.ViewStandings(t.Context(), db, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		behind := slices.ContainsFunc(views, func(v ViewStanding) bool { return v.Generation != 1 || v.LagRecords > 0 || v.LagSeconds > 0 })
		if !behind {
			i := slices.IndexFunc(views, func(v ViewStanding) bool { return v.View == "events" })
			if p := views[i].Partitions; len(views) < 6 || len(p) != partitions || p[0].Stable+p[1].Stable == 0 {
				t.Errorf("%+v", views)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still behind: %+v", views)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	s := services(t, false)
	url, _, _ := pipeline(t, s, t.TempDir())
	lines := `{"type":"bank.account.open","id":"acct-1","data":` + opening + "}\n" +
		`{"type":"bank.account.deposit","id":"acct-1","data":{"amount":"many"}}` + "\n" +
		`{"type":"bank.account.deposit","id":"acct-1","data":` + twenty + "}\n"
	path := filepath.Join(t.TempDir(), "commands.ndjson")
	if err := os.WriteFile(path, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	in := &cli.Process{Name: "ingest", Log: slog.New(slog.DiscardHandler), Stdout: &out, Stderr: &progress}
	err := With(t.Context(), in, s, func(ctx context.Context, f *Foundation) error {
		_, err := Load{}.Run(ctx, f, in, path)
		return err
	})
	if !errors.Is(err, cli.ErrReported) {
		t.Errorf("a rejected line: %v", err)
	}
	for _, want := range []string{"2 commands published", "1 lines rejected", "commands.rejected.ndjson"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the summary lacks %q:\n%s", want, out.String())
		}
	}
	if status, a := command(t, url, "freeze", "c-9", `{"reason":"r"}`); status != http.StatusOK || a.Version != 3 {
		t.Errorf("after the load: %d %+v", status, a)
	}
}
