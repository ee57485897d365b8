package telemetry

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Telemetry is one process's metrics and health. All roles of a process share one. It is safe for concurrent use.
type Telemetry struct {
	registry  *prometheus.Registry
	readiness readiness

	aggregator func() *Aggregator
	projector  func() *Projector
	saga       func() *Saga
	kafka      func() *kafkaHooks
	spans      func() *Spans
}

// New returns the telemetry of a process that plays role, with what the Go runtime and the operating system know of it.
func New(role string) *Telemetry {
	t := &Telemetry{registry: prometheus.NewRegistry()}
	t.registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(role, ThisBuild()),
	)
	t.aggregator = sync.OnceValue(func() *Aggregator { return newAggregator(t.registry, time.Now) })
	t.saga = sync.OnceValue(func() *Saga { return newSaga(t.registry) })
	t.projector = sync.OnceValue(func() *Projector { return newProjector(t.registry, time.Now) })
	t.kafka = sync.OnceValue(func() *kafkaHooks { return newKafkaHooks(t.registry) })
	t.spans = sync.OnceValue(func() *Spans { return newSpans(t.registry) })
	return t
}

// Registerer takes metrics that other packages keep themselves.
func (t *Telemetry) Registerer() prometheus.Registerer { return t.registry }

// Gatherer yields all metrics.
func (t *Telemetry) Gatherer() prometheus.Gatherer { return t.registry }

const (
	scrapesMax    = 4 // at a time: gathering costs, and nobody needs more
	scrapeTimeout = 10 * time.Second
)

// Routes are the handlers by their paths, for a server that has a listener already.
func (t *Telemetry) Routes() map[string]http.Handler {
	return map[string]http.Handler{
		"/metrics": promhttp.HandlerFor(t.registry, promhttp.HandlerOpts{
			ErrorHandling:       promhttp.ContinueOnError, // one broken collector must not hide the others
			MaxRequestsInFlight: scrapesMax,
			Timeout:             scrapeTimeout,
			EnableOpenMetrics:   true,
			Registry:            t.registry,
		}),
		"/healthz": http.HandlerFunc(alive),
		"/readyz":  http.HandlerFunc(t.readiness.answer),
	}
}

// Probes are the handlers of /healthz and /readyz for strangers: they say yes or no, and nothing else.
func (t *Telemetry) Probes() map[string]http.Handler {
	return map[string]http.Handler{
		"/healthz": http.HandlerFunc(alive),
		"/readyz":  asStranger(http.HandlerFunc(t.readiness.answer)),
	}
}

// Handler serves Routes.
func (t *Telemetry) Handler() http.Handler {
	mux := http.NewServeMux()
	for path, h := range t.Routes() {
		mux.Handle(path, h)
	}
	return mux
}

// alive answers as long as the process can answer at all: whoever restarts it on silence needs no more.
func alive(w http.ResponseWriter, _ *http.Request) {
	answerJSON(w, http.StatusOK, map[string]bool{"alive": true})
}
