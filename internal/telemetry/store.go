package telemetry

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/statestore"
)

// Store publishes what a state store says of itself, asking at each scrape. A process has one store.
func (t *Telemetry) Store(metrics func() (statestore.Metrics, error)) {
	t.registry.MustRegister(newStoreCollector(metrics))
}

type storeCollector struct {
	metrics func() (statestore.Metrics, error)
	series  []storeSeries
}

type storeSeries struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(*statestore.Metrics) int64
}

func newStoreCollector(metrics func() (statestore.Metrics, error)) *storeCollector {
	c := &storeCollector{metrics: metrics}
	add := func(kind prometheus.ValueType, name, help string, read func(*statestore.Metrics) int64) {
		c.series = append(c.series, storeSeries{prometheus.NewDesc("recount_store_"+name, help, nil, nil), kind, read})
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	add(gauge, "disk_bytes", "Size of the state store on disk.", func(m *statestore.Metrics) int64 { return m.DiskBytes })
	add(gauge, "wal_bytes", "Size of the write-ahead log that tables do not cover yet.", func(m *statestore.Metrics) int64 { return m.WALBytes })
	add(gauge, "memtable_bytes", "Memory of writes that are not in tables yet.", func(m *statestore.Metrics) int64 { return m.MemtableBytes })
	add(gauge, "cache_bytes", "Memory of cached table blocks.", func(m *statestore.Metrics) int64 { return m.CacheBytes })
	add(counter, "cache_hits_total", "Blocks found in the cache.", func(m *statestore.Metrics) int64 { return m.CacheHits })
	add(counter, "cache_misses_total", "Blocks read from disk.", func(m *statestore.Metrics) int64 { return m.CacheMisses })
	add(counter, "filter_hits_total", "Lookups that a Bloom filter spared a table read.", func(m *statestore.Metrics) int64 { return m.FilterHits })
	add(counter, "filter_misses_total", "Lookups that a Bloom filter did not spare a table read.", func(m *statestore.Metrics) int64 { return m.FilterMisses })
	add(counter, "memtable_flushes_total", "Memtables written to tables.", func(m *statestore.Metrics) int64 { return m.Flushes })
	add(counter, "compactions_total", "Compactions of tables.", func(m *statestore.Metrics) int64 { return m.Compactions })
	add(gauge, "compaction_debt_bytes", "Bytes still to be compacted; rising means that the disk does not keep up.", func(m *statestore.Metrics) int64 { return m.CompactionDebt })
	add(gauge, "read_amplification", "Tables that a lookup may have to look at.", func(m *statestore.Metrics) int64 { return m.ReadAmp })
	add(counter, "write_stalls_total", "Times that writers had to wait for flushes or compactions.", func(m *statestore.Metrics) int64 { return m.WriteStalls })
	add(gauge, "open_partitions", "Partitions that are open in the store.", func(m *statestore.Metrics) int64 { return m.OpenPartitions })
	return c
}

// Describe sends the descriptions of all series.
func (c *storeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, s := range c.series {
		to <- s.desc
	}
}

// Collect sends the values of all series, all of one moment; none where the store can't tell, because it is closed.
func (c *storeCollector) Collect(to chan<- prometheus.Metric) {
	m, err := c.metrics()
	if err != nil {
		to <- prometheus.NewInvalidMetric(c.series[0].desc, fmt.Errorf("the state store's figures: %w", err))
		return
	}
	for _, s := range c.series {
		to <- prometheus.MustNewConstMetric(s.desc, s.kind, float64(s.read(&m)))
	}
}
