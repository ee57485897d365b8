package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/clickhouse"
	"recount/internal/worker/projector"
)

var _ projector.Observer = (*Projector)(nil)

// Projector makes metrics of what projectors observe. All views of a process share one.
type Projector struct {
	now func() time.Time

	ranges   *prometheus.CounterVec
	records  *prometheus.CounterVec
	rows     *prometheus.CounterVec
	retries  *prometheus.CounterVec
	failures *prometheus.CounterVec
	parked   *prometheus.CounterVec

	sizes   *prometheus.HistogramVec
	mapping *prometheus.HistogramVec
	insert  *prometheus.HistogramVec
	table   *prometheus.HistogramVec
	visible *prometheus.HistogramVec
}

// Projector returns the observer for this process's projectors.
func (t *Telemetry) Projector() *Projector { return t.projector() }

func newProjector(to prometheus.Registerer, now func() time.Time) *Projector {
	const prefix = "recount_projector_"
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
		to.MustRegister(v)
		return v
	}
	distribution := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(histogram(prefix+name, help, buckets), labels)
		to.MustRegister(v)
		return v
	}
	return &Projector{
		now: now,

		ranges:   count("ranges_total", "Ranges whose rows are in, by whether they had been declared before a crash or a rebalance.", "context", "view", "again"),
		records:  count("records_total", "Records whose rows are in.", "context", "view"),
		rows:     count("inserted_rows_total", "Rows inserted, before the server drops those it has already.", "view", "table"),
		retries:  count("insert_retries_total", "Attempts at an insert that failed and were repeated.", "view", "table"),
		failures: count("failures_total", "Views that stopped.", "context", "view"),
		parked:   count("parked_events_total", "Events that a view could not map, and those that waited behind them: when they were parked, and what became of them.", "context", "view", "fate"),

		sizes:   distribution("range_records", "Records of a range.", sizes(), "context", "view"),
		mapping: distribution("map_seconds", "Time to decode a range and map it to rows.", latencies(), "context", "view"),
		insert:  distribution("insert_seconds", "Time to insert the rows of a range into all tables of its view.", latencies(), "context", "view"),
		table:   distribution("table_insert_seconds", "Time of one insert into one table.", latencies(), "view", "table"),
		visible: distribution("recorded_to_visible_seconds", "Time from when a range's oldest record was recorded until its rows can be read.", durations(), "context", "view"),
	}
}

// Range counts a range whose rows are in.
func (p *Projector) Range(context, view string, r projector.RangeStats) {
	p.ranges.WithLabelValues(context, view, strconv.FormatBool(r.Again)).Inc()
	p.records.WithLabelValues(context, view).Add(float64(r.Records))
	p.sizes.WithLabelValues(context, view).Observe(float64(r.Records))
	p.mapping.WithLabelValues(context, view).Observe(r.Map.Seconds())
	p.insert.WithLabelValues(context, view).Observe(r.Insert.Seconds())
	if !r.Oldest.IsZero() {
		p.visible.WithLabelValues(context, view).Observe(max(0, p.now().Sub(r.Oldest)).Seconds())
	}
}

// Inserted counts one insert into one table.
func (p *Projector) Inserted(view, table string, rows int, took time.Duration) {
	p.rows.WithLabelValues(view, table).Add(float64(rows))
	p.table.WithLabelValues(view, table).Observe(took.Seconds())
}

// Retried counts an attempt that is repeated.
func (p *Projector) Retried(view, table string) { p.retries.WithLabelValues(view, table).Inc() }

// Parked counts events that were parked, released or discarded.
func (p *Projector) Parked(context, view string, fate clickhouse.Fate, events int) {
	if events > 0 {
		p.parked.WithLabelValues(context, view, string(fate)).Add(float64(events))
	}
}

// Failed counts a view that stopped.
func (p *Projector) Failed(context, view string) { p.failures.WithLabelValues(context, view).Inc() }

// Views publishes where the views of this process stand, asking at each scrape. A process has one projector.
func (t *Telemetry) Views(status func() []projector.ViewStatus) {
	t.registry.MustRegister(newViewsCollector(status, time.Now))
}

type viewsCollector struct {
	status func() []projector.ViewStatus
	now    func() time.Time

	partitions, records, seconds, still, parked *prometheus.Desc
}

func newViewsCollector(status func() []projector.ViewStatus, now func() time.Time) *viewsCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("recount_projector_"+name, help, []string{"context", "view"}, nil)
	}
	return &viewsCollector{
		status: status, now: now,
		partitions: desc("partitions", "Partitions that this process projects."),
		records:    desc("lag_records", "Records up to the last stable offset that are not in the view yet, over this process's partitions."),
		seconds:    desc("lag_seconds", "Age of the oldest record that is not in the view yet, over this process's partitions; 0 while caught up."),
		still:      desc("stable_offset_still_seconds", standstillHelp),
		parked:     desc("parked_aggregates", "Aggregates of this process's partitions of which events wait because the view could not map one: projectors parked list."),
	}
}

// Describe sends the descriptions of all series.
func (c *viewsCollector) Describe(to chan<- *prometheus.Desc) {
	to <- c.partitions
	to <- c.records
	to <- c.seconds
	to <- c.still
	to <- c.parked
}

// Collect sends the values of all series.
func (c *viewsCollector) Collect(to chan<- prometheus.Metric) {
	now := c.now()
	for _, v := range c.status() {
		var records int64
		var parked int
		var lag, still time.Duration
		for _, p := range v.Partitions {
			records += p.LagRecords()
			lag = max(lag, p.Lag(now))
			still = max(still, p.Still)
			parked += p.Parked
		}
		for desc, value := range map[*prometheus.Desc]float64{
			c.partitions: float64(len(v.Partitions)), c.records: float64(records), c.seconds: lag.Seconds(),
			c.still: still.Seconds(), c.parked: float64(parked),
		} {
			to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, v.Context, v.View)
		}
	}
}

// Tables publishes how many parts the tables of the views have, asking at each scrape.
func (t *Telemetry) Tables(parts func() []clickhouse.TableParts) {
	t.registry.MustRegister(tablesCollector{parts, prometheus.NewDesc("recount_projector_table_parts",
		"Active parts of a table, of all that every process inserts: above some hundreds, merges don't keep up with inserts.", []string{"table"}, nil)})
}

type tablesCollector struct {
	tables func() []clickhouse.TableParts
	parts  *prometheus.Desc
}

// Describe sends the description of the series.
func (c tablesCollector) Describe(to chan<- *prometheus.Desc) { to <- c.parts }

// Collect sends a value for each table.
func (c tablesCollector) Collect(to chan<- prometheus.Metric) {
	for _, t := range c.tables() {
		to <- prometheus.MustNewConstMetric(c.parts, prometheus.GaugeValue, float64(t.Parts), t.Table)
	}
}
