package role

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/telemetry/traces"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/projector"
	"recount/internal/worker/rebuild"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

const (
	metricsBegin = "<!-- metrics -->\n"
	metricsEnd   = "<!-- end of metrics -->\n"
)

// TestMetricsAreDocumented runs a pipeline, has happen what does not happen by itself, and compares /metrics with
// docs/metrics.md.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	url, f, _ := pipeline(t, services(t, true), t.TempDir(), Of(NewProjectors().Open), Of(sagas(t).Open))
	command(t, url, "open", "c-1", opening)
	viewsStand(t, f)
	everythingHappens(t, f)
	awaitLag(t, f)
	families := ours(t, f)
	if missing := silent(f, families); len(missing) > 0 {
		t.Errorf("this test must have these happen too: %v", missing)
	}
	served := scrape(t, url)
	for name, family := range families {
		if line := fmt.Sprintf("# TYPE %s %s\n", name, strings.ToLower(family.GetType().String())); !strings.Contains(served, line) {
			t.Errorf("/metrics has no %q", line)
		}
	}
	path := filepath.Join("..", "..", "..", "docs", "metrics.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(raw), metricsBegin)
	_, tail, ended := strings.Cut(rest, metricsEnd)
	if !found || !ended {
		t.Fatalf("%s has not both of %q and %q", path, metricsBegin, metricsEnd)
	}
	want := head + metricsBegin + tables(families) + metricsEnd + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Errorf("%s does not say what /metrics does: go test ./cmd/internal/role -run TestMetrics -update", path)
	}
	// The control: a metric that never happens is noticed.
	f.Telemetry.Registerer().MustRegister(prometheus.NewCounterVec(prometheus.CounterOpts{Name: "recount_never_total"}, []string{"x"}))
	if missing := silent(f, families); !slices.Equal(missing, []string{"recount_never_total"}) {
		t.Errorf("the control: %v", missing)
	}
}

func sagas(t *testing.T) Saga {
	s := NewSaga()
	s.State = t.TempDir()
	return s
}

// everythingHappens has what a healthy pipeline never shows.
func everythingHappens(t *testing.T, f *Foundation) {
	t.Helper()
	a := f.Telemetry.Aggregator()
	a.Batch("bank", aggregator.Batch{Commands: 1, Oldest: time.Now(), Counts: engine.Counts{DeadLetters: map[string]int{engine.ReasonUndecodable: 1}}})
	a.Abort("bank", kafka.AbortTimeout)
	a.Restart("bank")
	a.Takeover("bank", 0, time.Second, 1)
	a.Flush("bank", statestore.Applied)
	a.Evicted("bank", 1)
	a.Standby("bank", 0, 1)
	a.Restore("bank", aggregator.Restored{From: aggregator.FromZero})
	a.Checkpoint("bank", aggregator.Checkpoint{Snapshots: 1, Took: time.Second})
	a.Replied("bank", false)
	s := f.Telemetry.Saga()
	s.Batch("bank", aggregator.Batch{
		Counts: engine.Counts{Refused: map[string]int{string(es.NotAwaited): 1}, DeadLetters: map[string]int{engine.ReasonPanic: 1}},
		Progress: []engine.Progress{
			{Saga: "money_transfer", Progress: es.Progress{Milestone: es.Started}},
			{Saga: "money_transfer", Progress: es.Progress{Milestone: es.StepAnswered, Step: "withdraw", TookMillis: 1}},
		},
	})
	s.Abort("bank", kafka.AbortTimeout)
	s.Restart("bank")
	s.Takeover("bank", 0, time.Second, 1)
	f.Telemetry.Spans().Spans(traces.Sent, 1)
	p := f.Telemetry.Projector()
	p.Range("bank", "events", projector.RangeStats{Records: 1, Rows: 1, Oldest: time.Now()})
	p.Inserted("events", "events_g1", 1, time.Second)
	p.Retried("events", "events_g1")
	p.Failed("bank", "events")
	p.Parked("bank", "events", clickhouse.Parked, 1)
	r := f.Telemetry.Rebuild()
	r.At("events", rebuild.Filled)
	r.Compared("events", clickhouse.Comparison{Table: "events"}, time.Second)
	r.Switched("events", 2, time.Millisecond)

	hangsUp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := hangsUp.Accept()
			if err != nil {
				return // the listener was closed
			}
			_, _ = c.Read(make([]byte, 1))
			_ = c.Close()
		}
	}()
	cfg := f.Kafka
	cfg.Brokers = []string{hangsUp.Addr().String()}
	if err := cfg.Ping(t.Context()); err == nil {
		t.Error("a broker that hangs up answered")
	}
	if err := hangsUp.Close(); err != nil {
		t.Error(err)
	}
}

// awaitLag waits until the workers have measured how far they are behind, and the parts of the tables.
func awaitLag(t *testing.T, f *Foundation) {
	t.Helper()
	measured := func() bool {
		families := ours(t, f)
		return families["recount_aggregator_lag_records"] != nil && families["recount_projector_table_parts"] != nil
	}
	for deadline := time.Now().Add(patience); !measured(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("no lag was measured, or no parts")
		}
	}
}

// ours are the metrics that are Recount's own, by name.
func ours(t *testing.T, f *Foundation) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := f.Telemetry.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*dto.MetricFamily{}
	for _, family := range families {
		if strings.HasPrefix(family.GetName(), "recount_") {
			out[family.GetName()] = family
		}
	}
	return out
}

// silent are the metrics that are registered and have no series yet: gathering does not tell of them.
func silent(f *Foundation, families map[string]*dto.MetricFamily) []string {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		f.Telemetry.Gatherer().(prometheus.Collector).Describe(descs)
	}()
	var out []string
	for d := range descs {
		name := regexp.MustCompile(`fqName: "(recount_[^"]*)"`).FindStringSubmatch(d.String())
		if name != nil && families[name[1]] == nil {
			out = append(out, name[1])
		}
	}
	return out
}

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status, err)
	}
	return string(raw)
}

// tables are the metrics as Markdown, a table for each part of Recount that has some.
func tables(families map[string]*dto.MetricFamily) string {
	var b strings.Builder
	part := ""
	for _, name := range slices.Sorted(maps.Keys(families)) {
		family := families[name]
		if p := strings.Split(name, "_")[1]; p != part {
			part = p
			fmt.Fprintf(&b, "\n## %s\n| metric | type | labels | meaning |\n|---|---|---|---|\n", part)
		}
		labels := map[string]bool{}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				labels["`"+l.GetName()+"`"] = true
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(family.GetType().String()),
			strings.Join(slices.Sorted(maps.Keys(labels)), ", "), family.GetHelp())
	}
	return b.String() + "\n"
}
