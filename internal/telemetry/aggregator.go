package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

var _ aggregator.Observer = (*Aggregator)(nil)

// Aggregator makes metrics of what aggregators observe. All contexts of a process share one.
type Aggregator struct {
	now   func() time.Time
	codes *bounded

	commands    *prometheus.CounterVec
	duplicates  *prometheus.CounterVec
	lookups     *prometheus.CounterVec
	evicted     *prometheus.CounterVec
	skipped     *prometheus.CounterVec
	forwarded   *prometheus.CounterVec
	deadLetters *prometheus.CounterVec
	aborts      *prometheus.CounterVec
	restarts    *prometheus.CounterVec
	flushes     *prometheus.CounterVec
	replayed    *prometheus.CounterVec
	restores    *prometheus.CounterVec
	snapshots   *prometheus.CounterVec
	replies     *prometheus.CounterVec

	batch    *prometheus.HistogramVec
	decide   *prometheus.HistogramVec
	commit   *prometheus.HistogramVec
	latency  *prometheus.HistogramVec
	takeover *prometheus.HistogramVec

	checkpoint *prometheus.HistogramVec

	handovers *prometheus.CounterVec
	standby   *prometheus.GaugeVec
}

// Aggregator returns the observer for this process's aggregators.
func (t *Telemetry) Aggregator() *Aggregator { return t.aggregator() }

func newAggregator(to prometheus.Registerer, now func() time.Time) *Aggregator {
	count := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "recount_aggregator_" + name, Help: help}, append([]string{"context"}, labels...))
		to.MustRegister(v)
		return v
	}
	distribution := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		v := prometheus.NewHistogramVec(histogram("recount_aggregator_"+name, help, buckets), []string{"context"})
		to.MustRegister(v)
		return v
	}
	standby := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "recount_aggregator_standby_lag_records", Help: "Events that a partition followed by this worker is behind the last stable offset, when it was last read.",
	}, []string{"context", "partition"})
	to.MustRegister(standby)
	return &Aggregator{
		standby:   standby,
		handovers: count("handovers_total", "Partitions assigned to this worker, by whether a standby of its own handed it over.", "warm"),

		now: now, codes: newBounded(codesMax),

		commands:    count("commands_total", "Commands decided and committed, by outcome and, if refused, its code.", "outcome", "code"),
		duplicates:  count("duplicates_total", "Commands answered from the dedup window with the outcome they had before."),
		lookups:     count("cache_lookups_total", "Aggregates that commands were for, by where they were: in memory (hit), or else in the store or nowhere yet (miss).", "result"),
		evicted:     count("dedup_evicted_total", "Commands that the dedup window forgot for their number, before its time was over: raise --dedup-entries."),
		skipped:     count("skipped_total", "Commands passed over because they lie below the watermark: decided before a restart."),
		forwarded:   count("forwarded_total", "Commands sent on to their own partition: a producer used another partitioner or count."),
		deadLetters: count("dead_letters_total", "Records set aside because they could not be decided, by reason.", "reason"),
		aborts:      count("aborts_total", "Transactions that are not known to be committed, by cause; their commands are decided again.", "cause"),
		restarts:    count("restarts_total", "Sessions that failed and started again."),
		flushes:     count("flushes_total", "Writes of partitions to the store, by what became of them.", "outcome"),
		replayed:    count("replayed_records_total", "Records folded while taking partitions over."),
		restores:    count("restores_total", "Partitions filled from the log because their store had nothing to go on from, by what from.", "from"),
		snapshots:   count("checkpoint_snapshots_total", "Snapshots written by checkpoints."),
		replies:     count("replies_total", "Answers to callers who wait, by whether they were sent.", "sent"),

		batch:    distribution("batch_commands", "Commands of a transaction.", sizes()),
		decide:   distribution("decide_seconds", "Time to decide a transaction's commands.", latencies()),
		commit:   distribution("commit_seconds", "Time to write and commit a transaction.", latencies()),
		latency:  distribution("command_to_commit_seconds", "Time from the timestamp of a transaction's oldest command to its commit.", latencies()),
		takeover: distribution("takeover_seconds", "Time to catch up with a partition that was assigned.", durations()),

		checkpoint: distribution("checkpoint_seconds", "Time of a partition's checkpoint, commands being decided in between.", durations()),
	}
}

// Batch counts a committed transaction.
func (a *Aggregator) Batch(context string, b aggregator.Batch) {
	outcome := func(o es.Outcome, code string, n int) {
		if n > 0 {
			a.commands.WithLabelValues(context, string(o), code).Add(float64(n))
		}
	}
	outcome(es.Accepted, "", b.Counts.Accepted)
	outcome(es.Unchanged, "", b.Counts.Unchanged)
	outcome(es.Failed, "", b.Counts.Failed)
	for code, n := range b.Counts.Refused {
		outcome(es.Refused, a.codes.value(code), n)
	}
	a.duplicates.WithLabelValues(context).Add(float64(b.Counts.Duplicates))
	a.lookups.WithLabelValues(context, "hit").Add(float64(b.Counts.CacheHits))
	a.lookups.WithLabelValues(context, "miss").Add(float64(b.Counts.CacheMisses))
	a.skipped.WithLabelValues(context).Add(float64(b.Counts.Skipped))
	a.forwarded.WithLabelValues(context).Add(float64(b.Counts.Forwarded))
	for reason, n := range b.Counts.DeadLetters {
		a.deadLetters.WithLabelValues(context, reason).Add(float64(n))
	}

	a.batch.WithLabelValues(context).Observe(float64(b.Commands))
	a.decide.WithLabelValues(context).Observe(b.Decide.Seconds())
	a.commit.WithLabelValues(context).Observe(b.Commit.Seconds())
	if !b.Oldest.IsZero() {
		// The producer's clock may be ahead of ours; time does not run backwards.
		a.latency.WithLabelValues(context).Observe(max(0, a.now().Sub(b.Oldest)).Seconds())
	}
}

// Abort counts a transaction of unknown outcome.
func (a *Aggregator) Abort(context string, cause kafka.AbortCause) {
	a.aborts.WithLabelValues(context, string(cause)).Inc()
}

// Standby shows how far a partition that is followed is behind. There are a few of them, and each is one to watch.
func (a *Aggregator) Standby(context string, partition int32, behind int64) {
	if behind < 0 {
		a.standby.DeleteLabelValues(context, strconv.Itoa(int(partition)))
		return
	}
	a.standby.WithLabelValues(context, strconv.Itoa(int(partition))).Set(float64(behind))
}

// Handover counts a partition that was assigned, and whether it was warm.
func (a *Aggregator) Handover(context string, _ int32, warm bool) {
	a.handovers.WithLabelValues(context, strconv.FormatBool(warm)).Inc()
}

// Restart counts a session that starts again.
func (a *Aggregator) Restart(context string) { a.restarts.WithLabelValues(context).Inc() }

// Takeover counts a partition that was caught up with. Its number is no label: partitions times workers is a lot of
// series for something the log says better.
func (a *Aggregator) Takeover(context string, _ int32, took time.Duration, records int) {
	a.takeover.WithLabelValues(context).Observe(took.Seconds())
	a.replayed.WithLabelValues(context).Add(float64(records))
}

// Evicted counts commands forgotten before their time.
func (a *Aggregator) Evicted(context string, commands int64) {
	a.evicted.WithLabelValues(context).Add(float64(commands))
}

// Restore counts a partition that was filled from its log.
func (a *Aggregator) Restore(context string, r aggregator.Restored) {
	a.restores.WithLabelValues(context, string(r.From)).Inc()
}

// Checkpoint counts a complete checkpoint of a partition.
func (a *Aggregator) Checkpoint(context string, c aggregator.Checkpoint) {
	a.checkpoint.WithLabelValues(context).Observe(c.Took.Seconds())
	a.snapshots.WithLabelValues(context).Add(float64(c.Snapshots))
}

// Flush counts a write to the store.
func (a *Aggregator) Flush(context string, outcome statestore.Outcome) {
	a.flushes.WithLabelValues(context, outcome.String()).Inc()
}

// Replied counts an answer to a caller who waits.
func (a *Aggregator) Replied(context string, sent bool) {
	a.replies.WithLabelValues(context, strconv.FormatBool(sent)).Inc()
}
