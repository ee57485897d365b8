package telemetry

import (
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
)

// KafkaHooks observe every Kafka client they are given to, any number of them, and add up what they see. (The hooks that
// come with the client library register their series once a client and take them away with it; a process here opens and
// closes clients all the time, and a counter must survive that.)
func (t *Telemetry) KafkaHooks() []kgo.Hook { return []kgo.Hook{t.kafka()} }

var (
	_ kgo.HookNewClient           = (*kafkaHooks)(nil)
	_ kgo.HookClientClosed        = (*kafkaHooks)(nil)
	_ kgo.HookBrokerConnect       = (*kafkaHooks)(nil)
	_ kgo.HookBrokerDisconnect    = (*kafkaHooks)(nil)
	_ kgo.HookBrokerE2E           = (*kafkaHooks)(nil)
	_ kgo.HookBrokerThrottle      = (*kafkaHooks)(nil)
	_ kgo.HookGroupManageError    = (*kafkaHooks)(nil)
	_ kgo.HookProduceBatchWritten = (*kafkaHooks)(nil)
	_ kgo.HookFetchBatchRead      = (*kafkaHooks)(nil)
)

type kafkaHooks struct {
	mu      sync.Mutex
	clients map[*kgo.Client]struct{}

	connections                        prometheus.Gauge
	connects, connectErrors, throttled prometheus.Counter
	written, read, groupErrors         prometheus.Counter
	requestErrors                      *prometheus.CounterVec
	requests                           *prometheus.HistogramVec
	producedRecords, producedBytes     *prometheus.CounterVec
	fetchedRecords, fetchedBytes       *prometheus.CounterVec
}

func newKafkaHooks(to prometheus.Registerer) *kafkaHooks {
	const prefix = "recount_kafka_"
	count := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
		to.MustRegister(c)
		return c
	}
	counts := func(name, help, label string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, []string{label})
		to.MustRegister(v)
		return v
	}
	h := &kafkaHooks{
		clients:         map[*kgo.Client]struct{}{},
		connections:     prometheus.NewGauge(prometheus.GaugeOpts{Name: prefix + "connections", Help: "Open connections to brokers."}),
		connects:        count("connects_total", "Connections to brokers that were opened."),
		connectErrors:   count("connect_errors_total", "Connections to brokers that could not be opened."),
		throttled:       count("throttled_seconds_total", "Time that brokers made this process wait."),
		written:         count("written_bytes_total", "Bytes of requests sent to brokers."),
		read:            count("read_bytes_total", "Bytes of responses read from brokers."),
		groupErrors:     count("group_errors_total", "Errors that cost a consumer its place in its group for a while."),
		requestErrors:   counts("request_errors_total", "Requests that were not sent or answered in full, by their kind.", "request"),
		requests:        prometheus.NewHistogramVec(histogram(prefix+"request_seconds", "Time from the first byte of a request to the last of its response, by its kind; a Fetch waits for records.", latencies()), []string{"request"}),
		producedRecords: counts("produced_records_total", "Records that brokers have acknowledged.", "topic"),
		producedBytes:   counts("produced_bytes_total", "Size of the acknowledged records, compressed.", "topic"),
		fetchedRecords:  counts("fetched_records_total", "Records fetched.", "topic"),
		fetchedBytes:    counts("fetched_bytes_total", "Size of the fetched records, compressed.", "topic"),
	}
	to.MustRegister(h.connections, h.requests,
		h.buffered("buffered_produce_records", "Records that wait to be acknowledged.", (*kgo.Client).BufferedProduceRecords),
		h.buffered("buffered_produce_bytes", "Size of the records that wait to be acknowledged.", (*kgo.Client).BufferedProduceBytes),
		h.buffered("buffered_fetch_records", "Records that were fetched and wait to be polled.", (*kgo.Client).BufferedFetchRecords),
		h.buffered("buffered_fetch_bytes", "Size of the records that were fetched and wait to be polled.", (*kgo.Client).BufferedFetchBytes),
	)
	return h
}

// buffered is a gauge over all open clients.
func (h *kafkaHooks) buffered(name, help string, of func(*kgo.Client) int64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "recount_kafka_" + name, Help: help}, func() float64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		var sum int64
		for cl := range h.clients {
			sum += of(cl)
		}
		return float64(sum)
	})
}

// OnNewClient has cl's buffers counted.
func (h *kafkaHooks) OnNewClient(cl *kgo.Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clients[cl] = struct{}{}
}

// OnClientClosed lets go of cl.
func (h *kafkaHooks) OnClientClosed(cl *kgo.Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, cl)
}

// OnBrokerConnect counts a connection, or a failed one.
func (h *kafkaHooks) OnBrokerConnect(_ kgo.BrokerMetadata, _ time.Duration, _ net.Conn, err error) {
	if err != nil {
		h.connectErrors.Inc()
		return
	}
	h.connects.Inc()
	h.connections.Inc()
}

// OnBrokerDisconnect counts a connection off.
func (h *kafkaHooks) OnBrokerDisconnect(kgo.BrokerMetadata, net.Conn) { h.connections.Dec() }

// OnBrokerE2E counts a request and its response.
func (h *kafkaHooks) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e kgo.BrokerE2E) {
	h.written.Add(float64(e.BytesWritten))
	h.read.Add(float64(e.BytesRead))
	if e.Err() != nil {
		h.requestErrors.WithLabelValues(requestName(key)).Inc()
		return
	}
	h.requests.WithLabelValues(requestName(key)).Observe(e.DurationE2E().Seconds())
}

// OnBrokerThrottle adds up what brokers make us wait.
func (h *kafkaHooks) OnBrokerThrottle(_ kgo.BrokerMetadata, interval time.Duration, _ bool) {
	h.throttled.Add(interval.Seconds())
}

// OnGroupManageError counts a place in a group that was lost.
func (h *kafkaHooks) OnGroupManageError(error) { h.groupErrors.Inc() }

// OnProduceBatchWritten counts an acknowledged batch.
func (h *kafkaHooks) OnProduceBatchWritten(_ kgo.BrokerMetadata, topic string, _ int32, m kgo.ProduceBatchMetrics) {
	h.producedRecords.WithLabelValues(topic).Add(float64(m.NumRecords))
	h.producedBytes.WithLabelValues(topic).Add(float64(m.CompressedBytes))
}

// OnFetchBatchRead counts a fetched batch.
func (h *kafkaHooks) OnFetchBatchRead(_ kgo.BrokerMetadata, topic string, _ int32, m kgo.FetchBatchMetrics) {
	h.fetchedRecords.WithLabelValues(topic).Add(float64(m.NumRecords))
	h.fetchedBytes.WithLabelValues(topic).Add(float64(m.CompressedBytes))
}

// requestName names the requests whose time tells how the pipeline does, by their keys in Kafka's protocol. A histogram
// for each of the other eighty would cost more than it says.
func requestName(key int16) string {
	switch key {
	case 0:
		return "Produce"
	case 1:
		return "Fetch"
	case 8:
		return "OffsetCommit"
	case 9:
		return "OffsetFetch"
	case 11:
		return "JoinGroup"
	case 12:
		return "Heartbeat"
	case 14:
		return "SyncGroup"
	case 22:
		return "InitProducerId"
	case 24:
		return "AddPartitionsToTxn"
	case 25:
		return "AddOffsetsToTxn"
	case 26:
		return "EndTxn"
	case 28:
		return "TxnOffsetCommit"
	}
	return other
}
