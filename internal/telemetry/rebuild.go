package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/clickhouse"
	"recount/internal/worker/rebuild"
)

var _ rebuild.Observer = (*Rebuild)(nil)

// Rebuild makes metrics of what a rebuild of views observes. A process rebuilds once, several views at a time.
type Rebuild struct {
	filled, total, rows, behind prometheus.Gauge

	points    *prometheus.CounterVec
	compared  *prometheus.CounterVec
	comparing *prometheus.HistogramVec
	switching *prometheus.HistogramVec
}

// Rebuild returns an observer for this process's rebuild, of which there is one.
func (t *Telemetry) Rebuild() *Rebuild {
	const prefix = "recount_rebuild_"
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + name, Help: help})
		t.registry.MustRegister(g)
		return g
	}
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
		t.registry.MustRegister(v)
		return v
	}
	distribution := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(histogram(prefix+name, help, buckets), []string{"view"})
		t.registry.MustRegister(v)
		return v
	}
	return &Rebuild{
		filled: gauge("filled_offsets", "Offsets of the log that the filling under way has passed, over all views that are filled together."),
		total:  gauge("total_offsets", "Offsets of the log that the filling under way has to pass."),
		rows:   gauge("inserted_rows", "Rows inserted by this rebuild."),
		behind: gauge("serving_lag_records", "Records that the generations which serve are behind the log, as this rebuild last saw: it stays behind them."),

		points:    count("points_total", "Points that the rebuild of a view has come by.", "view", "point"),
		compared:  count("compared_tables_total", "Tables compared with those of the generation that serves, by whether they were the same.", "view", "equal"),
		comparing: distribution("compare_seconds", "Time to compare one table.", durations()),
		switching: distribution("switch_seconds", "Time for which the names of a view were of two generations.", latencies()),
	}
}

// At counts a point.
func (r *Rebuild) At(view string, p rebuild.Point) { r.points.WithLabelValues(view, string(p)).Inc() }

// Filling shows how far the filling is.
func (r *Rebuild) Filling(p rebuild.Progress) {
	r.filled.Set(float64(p.Done))
	r.total.Set(float64(p.Total))
	r.rows.Set(float64(p.Rows))
	r.behind.Set(float64(p.Lag))
}

// Compared counts a comparison.
func (r *Rebuild) Compared(view string, c clickhouse.Comparison, took time.Duration) {
	r.compared.WithLabelValues(view, strconv.FormatBool(c.Equal())).Inc()
	r.comparing.WithLabelValues(view).Observe(took.Seconds())
}

// Switched counts a switch.
func (r *Rebuild) Switched(view string, _ int, took time.Duration) {
	r.switching.WithLabelValues(view).Observe(took.Seconds())
}
