package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/telemetry/traces"
)

var _ traces.Observer = (*Spans)(nil)

// Spans counts what becomes of the spans that a process makes.
type Spans struct{ spans *prometheus.CounterVec }

// Spans returns the observer of this process's traces.
func (t *Telemetry) Spans() *Spans { return t.spans() }

func newSpans(to prometheus.Registerer) *Spans {
	s := &Spans{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "recount_traces_spans_total",
		Help: "Spans that ended, by what became of them: sent to the collector, failed, or dropped because too many waited.",
	}, []string{"fate"})}
	to.MustRegister(s.spans)
	return s
}

// Spans counts some.
func (s *Spans) Spans(f traces.Fate, n int) { s.spans.WithLabelValues(string(f)).Add(float64(n)) }
