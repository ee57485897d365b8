package telemetry

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

var _ aggregator.Observer = (*Saga)(nil)

// Saga makes metrics of what workers of processes observe: what instances have come to, and what keeps them from it. All
// contexts of a process share one.
type Saga struct {
	codes *bounded

	instances   *prometheus.CounterVec
	steps       *prometheus.HistogramVec
	inputs      *prometheus.CounterVec
	timers      *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	aborts      *prometheus.CounterVec
	restarts    *prometheus.CounterVec
	commit      *prometheus.HistogramVec
	takeover    *prometheus.HistogramVec
}

// Saga returns the observer for this process's workers of processes.
func (t *Telemetry) Saga() *Saga { return t.saga() }

func newSaga(to prometheus.Registerer) *Saga {
	const prefix = "recount_saga_"
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, append([]string{"context"}, labels...))
		to.MustRegister(v)
		return v
	}
	distribution := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(histogram(prefix+name, help, buckets), append([]string{"context"}, labels...))
		to.MustRegister(v)
		return v
	}
	return &Saga{
		codes: newBounded(codesMax),

		instances:   count("instances_total", "What instances have come to: started, completed, compensated, stuck, or mended by an operator after that.", "saga", "milestone"),
		steps:       distribution("step_seconds", "Time from when a step's command was sent until its answer was taken in.", durations(), "saga", "step"),
		inputs:      count("inputs_total", "Answers, events, timers and orders that processes took in, by whether they changed something, and why not.", "outcome", "code"),
		timers:      count("timers_total", "Timers that were due and put into the inbox."),
		deadLetters: count("dead_letters_total", "Inputs set aside because no process could take them in, by reason.", "reason"),
		aborts:      count("aborts_total", "Transactions that are not known to be committed, by cause; their inputs are taken in again.", "cause"),
		restarts:    count("restarts_total", "Sessions that failed and started again."),
		commit:      distribution("commit_seconds", "Time to write and commit a transaction.", latencies()),
		takeover:    distribution("takeover_seconds", "Time to catch up with a partition that was assigned.", durations()),
	}
}

// Batch counts a committed transaction.
func (s *Saga) Batch(context string, b aggregator.Batch) {
	s.inputs.WithLabelValues(context, string(es.Accepted), "").Add(float64(b.Counts.Accepted))
	for code, n := range b.Counts.Refused {
		s.inputs.WithLabelValues(context, string(es.Refused), s.codes.value(code)).Add(float64(n))
	}
	for reason, n := range b.Counts.DeadLetters {
		s.deadLetters.WithLabelValues(context, reason).Add(float64(n))
	}
	s.timers.WithLabelValues(context).Add(float64(b.Counts.Ticks))
	s.commit.WithLabelValues(context).Observe(b.Commit.Seconds())
	for _, p := range b.Progress {
		if p.Milestone == es.StepAnswered {
			s.steps.WithLabelValues(context, p.Saga, p.Step).Observe((time.Duration(p.TookMillis) * time.Millisecond).Seconds())
			continue
		}
		s.instances.WithLabelValues(context, p.Saga, string(p.Milestone)).Inc()
	}
}

// Abort counts a transaction of unknown outcome.
func (s *Saga) Abort(context string, cause kafka.AbortCause) {
	s.aborts.WithLabelValues(context, string(cause)).Inc()
}

// Restart counts a session that starts again.
func (s *Saga) Restart(context string) { s.restarts.WithLabelValues(context).Inc() }

// Takeover counts a partition that was caught up with.
func (s *Saga) Takeover(context string, _ int32, took time.Duration, _ int) {
	s.takeover.WithLabelValues(context).Observe(took.Seconds())
}

// What follows is told in the log alone: of processes there is little to store, to restore and to hand over.

// Flush counts nothing.
func (s *Saga) Flush(string, statestore.Outcome) {}

// Evicted counts nothing.
func (s *Saga) Evicted(string, int64) {}

// Restore counts nothing.
func (s *Saga) Restore(string, aggregator.Restored) {}

// Checkpoint counts nothing.
func (s *Saga) Checkpoint(string, aggregator.Checkpoint) {}

// Standby counts nothing.
func (s *Saga) Standby(string, int32, int64) {}

// Handover counts nothing.
func (s *Saga) Handover(string, int32, bool) {}
