package ingest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a Server says of itself.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	replies  *prometheus.CounterVec
}

func newMetrics(to prometheus.Registerer, inFlight func() int) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "recount_ingest_requests_total",
			Help: "Requests answered, by route and status code; status 0: the caller left before an answer.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "recount_ingest_request_seconds",
			Help:    "Time from a request's headers to its answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		replies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "recount_ingest_replies_total",
			Help: "Replies addressed to this instance, by whether somebody still waited for them.",
		}, []string{"awaited"}),
	}
	if to == nil {
		return m, nil
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "recount_ingest_in_flight_requests",
		Help: "Requests being worked on, those that wait for an outcome included.",
	}, func() float64 { return float64(inFlight()) })
	var errs []error
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.replies, gauge} {
		errs = append(errs, to.Register(c))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("ingest: registering metrics: %w", err)
	}
	return m, nil
}

// answered counts a request. The route is its pattern and never its path: whoever calls must not be able to make series.
func (m *metrics) answered(r *http.Request, status int, took time.Duration) {
	route := r.Pattern
	if route == "" {
		route = "other"
	}
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(route).Observe(took.Seconds())
}

func (m *metrics) replied(awaited bool) {
	m.replies.WithLabelValues(strconv.FormatBool(awaited)).Inc()
}
