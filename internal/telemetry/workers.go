package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/worker/aggregator"
)

// standstillHelp says what an alert on these gauges means.
const standstillHelp = "Longest time that the last stable offset of one of this process's partitions has stood still below the log's end: above a minute, a transaction hangs (aggregator transactions)."

// Workers publishes how far this process's aggregators are behind, asking at each scrape. A process has one set.
func (t *Telemetry) Workers(status func() []aggregator.Status) {
	t.registry.MustRegister(newWorkersCollector(status, time.Now))
}

type workersCollector struct {
	status func() []aggregator.Status
	now    func() time.Time

	partitions, records, seconds, still *prometheus.Desc
}

func newWorkersCollector(status func() []aggregator.Status, now func() time.Time) *workersCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("recount_aggregator_"+name, help, append([]string{"context"}, labels...), nil)
	}
	return &workersCollector{
		status: status, now: now,
		partitions: desc("partitions", "Partitions that the group has given this process."),
		records:    desc("lag_records", "Commands up to the last stable offset that are not decided yet, of a partition that this process has.", "topic", "partition"),
		seconds:    desc("lag_seconds", "Age of the oldest command of the partition that is not decided yet; 0 while caught up.", "topic", "partition"),
		still:      desc("stable_offset_still_seconds", standstillHelp, "topic"),
	}
}

// Describe sends the descriptions of all series.
func (c *workersCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.partitions, c.records, c.seconds, c.still} {
		to <- d
	}
}

// Collect sends the values of all series.
func (c *workersCollector) Collect(to chan<- prometheus.Metric) {
	now := c.now()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, s := range c.status() {
		gauge(c.partitions, float64(len(s.Partitions)), s.Context)
		for _, l := range s.Inputs {
			partition := strconv.Itoa(int(l.Partition))
			gauge(c.records, float64(l.Records), s.Context, l.Topic, partition)
			gauge(c.seconds, l.Age(now).Seconds(), s.Context, l.Topic, partition)
		}
		for topic, d := range s.Still {
			gauge(c.still, d.Seconds(), s.Context, topic)
		}
	}
}
