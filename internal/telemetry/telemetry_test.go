package telemetry_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/telemetry"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/projector"
)

// full returns a telemetry on which everything has happened at least once, so that every series exists.
func full(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel := telemetry.New("test")
	tel.Store(func() (statestore.Metrics, error) { return statestore.Metrics{DiskBytes: 7, CacheHits: 3}, nil })
	o := tel.Aggregator()
	o.Batch("bank", aggregator.Batch{
		Commands: 9, Decide: time.Millisecond, Commit: 5 * time.Millisecond, Oldest: time.Now().Add(-20 * time.Millisecond),
		Counts: engine.Counts{Accepted: 4, Unchanged: 1, Failed: 1, Refused: map[string]int{"account/closed": 2}, Duplicates: 1, CacheHits: 6, CacheMisses: 2, Skipped: 3, Forwarded: 2, DeadLetters: map[string]int{engine.ReasonUndecodable: 1}},
	})
	o.Abort("bank", kafka.AbortFenced)
	o.Restart("bank")
	o.Takeover("bank", 3, 2*time.Second, 500)
	o.Flush("bank", statestore.Applied)
	o.Replied("bank", true)
	p := tel.Projector()
	p.Range("bank", "events", projector.RangeStats{Records: 30, Rows: 60, Again: true, Map: time.Millisecond, Insert: time.Millisecond, Oldest: time.Now().Add(-time.Second)})
	p.Inserted("events", "events_g1", 60, time.Millisecond)
	p.Retried("events", "events_g1")
	p.Failed("bank", "events")
	p.Parked("bank", "events", clickhouse.Parked, 3)
	p.Parked("bank", "events", clickhouse.Discarded, 0)
	tel.Views(func() []projector.ViewStatus {
		return []projector.ViewStatus{{Context: "bank", View: "events", Partitions: []projector.PartitionStatus{
			{Partition: 1, Position: 10, Stable: 30, Parked: 2, EventTime: time.Now().Add(-time.Hour)}, {Partition: 2, Position: 5, Stable: 5}, {Partition: 3, Position: 1, Stable: 8, Still: 2 * time.Minute, Oldest: time.Now().Add(-2 * time.Hour)},
		}}}
	})
	tel.Tables(func() []clickhouse.TableParts { return []clickhouse.TableParts{{Table: "events_g1", Parts: 17}} })
	tel.Workers(func() []aggregator.Status {
		return []aggregator.Status{{Context: "bank", Partitions: []int32{1, 4}, Still: map[string]time.Duration{"bank.events": time.Minute},
			Inputs: []kafka.Lag{{Topic: "bank.commands", Partition: 4, Records: 17, Oldest: time.Now().Add(-time.Hour)}}}}
	})
	produce(t, tel)
	return tel
}

// produce has two clients with the same hooks publish one record each.
func produce(t *testing.T, tel *telemetry.Telemetry) {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	cfg := kafka.Config{Brokers: []string{broker.Addr()}, Hooks: tel.KafkaHooks()}
	if err := kafka.EnsureTopics(t.Context(), cfg, nil, 1, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		acked := make(chan error, 1)
		if err := p.TryProduce(kafka.Command{Topic: kafka.RepliesTopic, Value: []byte("x")}, func(_ int32, _ int64, err error) { acked <- err }); err != nil {
			t.Fatal(err)
		}
		if err := <-acked; err != nil {
			t.Fatal(err)
		}
		p.Close()
	}
	r, err := kafka.OpenReplies(t.Context(), cfg, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := r.Run(ctx, func(string, []byte) {}); err != nil {
		t.Fatal(err)
	}
}

func gather(t *testing.T, tel *telemetry.Telemetry) map[string]*dto.MetricFamily {
	t.Helper()
	families, err := tel.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*dto.MetricFamily{}
	for _, f := range families {
		out[f.GetName()] = f
	}
	return out
}

// value returns a counter's or gauge's value; labels are "name=value".
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
series:
	for _, m := range families[name].GetMetric() {
		have := map[string]bool{}
		for _, l := range m.GetLabel() {
			have[l.GetName()+"="+l.GetValue()] = true
		}
		for _, l := range labels {
			if !have[l] {
				continue series
			}
		}
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
	}
	t.Errorf("there is no %s%v", name, labels)
	return -1
}

func lint(t *testing.T, families map[string]*dto.MetricFamily) []string {
	t.Helper()
	var list []*dto.MetricFamily
	var faults []string
	for name, f := range families {
		switch {
		case strings.HasPrefix(name, "recount_"):
			list = append(list, f)
		case !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") && !strings.HasPrefix(name, "promhttp_"):
			faults = append(faults, name+": does not begin with recount_")
		}
	}
	problems, err := promlint.NewWithMetricFamilies(list).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		faults = append(faults, p.Metric+": "+p.Text)
	}
	return faults
}

func TestEveryMetricFollowsTheConventions(t *testing.T) {
	t.Parallel()
	tel := full(t)
	families := gather(t, tel)
	if faults := lint(t, families); len(faults) > 0 {
		t.Error(faults)
	}
	ours := 0
	for name := range families {
		if strings.HasPrefix(name, "recount_") {
			ours++
		}
	}
	if ours < 40 {
		t.Errorf("only %d metrics of ours were looked at", ours)
	}
	// The control: a metric that follows none of them is noticed.
	tel.Registerer().MustRegister(prometheus.NewCounter(prometheus.CounterOpts{Name: "recount_BadMillis_ms"}))
	if faults := lint(t, gather(t, tel)); len(faults) < 3 {
		t.Errorf("a bad name, unit and help: only %v", faults)
	}
}

func TestWhatAggregatorsObserve(t *testing.T) {
	t.Parallel()
	f := gather(t, full(t))
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"recount_aggregator_commands_total", []string{"context=bank", "outcome=accepted", "code="}, 4},
		{"recount_aggregator_commands_total", []string{"outcome=unchanged"}, 1},
		{"recount_aggregator_commands_total", []string{"outcome=failed"}, 1},
		{"recount_aggregator_commands_total", []string{"outcome=refused", "code=account/closed"}, 2},
		{"recount_aggregator_duplicates_total", nil, 1},
		{"recount_aggregator_cache_lookups_total", []string{"result=hit"}, 6},
		{"recount_aggregator_cache_lookups_total", []string{"result=miss"}, 2},
		{"recount_aggregator_skipped_total", nil, 3},
		{"recount_aggregator_forwarded_total", nil, 2},
		{"recount_aggregator_dead_letters_total", []string{"reason=undecodable"}, 1},
		{"recount_aggregator_aborts_total", []string{"cause=fenced"}, 1},
		{"recount_aggregator_restarts_total", nil, 1},
		{"recount_aggregator_flushes_total", []string{"outcome=applied"}, 1},
		{"recount_aggregator_replayed_records_total", nil, 500},
		{"recount_aggregator_replies_total", []string{"sent=true"}, 1},
		{"recount_aggregator_takeover_seconds", nil, 1},
		{"recount_aggregator_command_to_commit_seconds", nil, 1},
		{"recount_store_disk_bytes", nil, 7},
		{"recount_store_cache_hits_total", nil, 3},
		{"recount_projector_ranges_total", []string{"context=bank", "view=events", "again=true"}, 1},
		{"recount_projector_records_total", nil, 30},
		{"recount_projector_inserted_rows_total", []string{"table=events_g1"}, 60},
		{"recount_projector_insert_retries_total", nil, 1},
		{"recount_projector_failures_total", nil, 1},
		{"recount_projector_recorded_to_visible_seconds", nil, 1},
		{"recount_projector_partitions", nil, 3},
		{"recount_projector_parked_events_total", []string{"view=events", "fate=parked"}, 3},
		{"recount_projector_parked_aggregates", []string{"view=events"}, 2},
		{"recount_projector_lag_records", nil, 27},
		{"recount_projector_table_parts", []string{"table=events_g1"}, 17},
		{"recount_projector_stable_offset_still_seconds", []string{"view=events"}, 120},
		{"recount_aggregator_partitions", []string{"context=bank"}, 2},
		{"recount_aggregator_lag_records", []string{"topic=bank.commands", "partition=4"}, 17},
		{"recount_aggregator_stable_offset_still_seconds", []string{"topic=bank.events"}, 60},
		{"recount_kafka_produced_records_total", []string{"topic=recount.replies"}, 2},
		{"recount_kafka_connections", nil, 0},
		{"recount_kafka_request_seconds", []string{"request=Produce"}, 2},
		{"recount_build_info", []string{"role=test"}, 1},
	} {
		if got := value(t, f, c.name, c.labels...); got != c.want {
			t.Errorf("%s%v = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

func TestAViewLagsAsFarAsItsLastPartition(t *testing.T) {
	t.Parallel()
	got := value(t, gather(t, full(t)), "recount_projector_lag_seconds", "context=bank", "view=events")
	if hours := (2 * time.Hour).Seconds(); got < hours-60 || got > hours+60 {
		t.Errorf("%v s, want two hours", got)
	}
}

func TestCodesMakeABoundedNumberOfSeries(t *testing.T) {
	t.Parallel()
	tel := telemetry.New("test")
	for i := range 10_000 {
		tel.Aggregator().Batch("bank", aggregator.Batch{Counts: engine.Counts{Refused: map[string]int{"code/" + strings.Repeat("x", i%500) + "\xff": 1}}})
	}
	f := gather(t, tel)
	if n := len(f["recount_aggregator_commands_total"].GetMetric()); n < 100 || n > 201 {
		t.Errorf("%d series", n)
	}
	if got := value(t, f, "recount_aggregator_commands_total", "code=other"); got != 20*300 {
		t.Errorf("%v commands have another code, want those of the 300 codes beyond the bound", got)
	}
}

func get(t *testing.T, h http.Handler, path string) (int, telemetry.Readiness) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	var body telemetry.Readiness
	if path == "/readyz" {
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
			t.Fatalf("%v: %s", err, w.Body)
		}
	}
	return w.Code, body
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	tel := telemetry.New("test")
	h := tel.Handler()
	if status, body := get(t, h, "/readyz"); status != http.StatusServiceUnavailable || len(body.Waiting) != 1 {
		t.Errorf("before any role has begun: %d %v", status, body)
	}
	lag := errors.New("42 records behind")
	tel.AddReady("aggregator bank", func() error { return lag })
	tel.AddReady("ingest", func() error { return nil })
	status, body := get(t, h, "/readyz")
	if status != http.StatusServiceUnavailable || body.Ready || len(body.Waiting) != 1 || body.Waiting[0] != (telemetry.Waiting{Name: "aggregator bank", Reason: "42 records behind"}) {
		t.Errorf("one of two is behind: %d %v", status, body)
	}
	if status, _ := get(t, h, "/healthz"); status != http.StatusOK {
		t.Errorf("not ready is still alive: %d", status)
	}
	lag = nil
	if status, body := get(t, h, "/readyz"); status != http.StatusOK || !body.Ready {
		t.Errorf("all caught up: %d %v", status, body)
	}
}

func TestProbesTellStrangersNoReasons(t *testing.T) {
	t.Parallel()
	tel := telemetry.New("test")
	tel.AddReady("aggregator bank", func() error { return errors.New("secret plans") })
	probes := tel.Probes()
	if len(probes) != 2 || probes["/metrics"] != nil {
		t.Errorf("%v", probes)
	}
	if status, body := get(t, probes["/readyz"], "/readyz"); status != http.StatusServiceUnavailable || body.Ready || len(body.Waiting) != 0 {
		t.Errorf("/readyz: %d %v", status, body)
	}
	if status, _ := get(t, probes["/healthz"], "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
}

func TestABrokenSourceHidesNothingElse(t *testing.T) {
	t.Parallel()
	tel := telemetry.New("test")
	tel.Store(func() (statestore.Metrics, error) { return statestore.Metrics{}, statestore.ErrClosed })
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "recount_build_info") || strings.Contains(body, "recount_store_") {
		t.Errorf("%d %.300s", w.Code, body)
	}
}
