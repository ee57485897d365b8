package role

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/worker/aggregator"
)

// Aggregator is the configuration of the role that decides commands.
type Aggregator struct {
	// State is the folder of the store and of this worker's name.
	State string
	// Instance is this worker's name; empty: the one in State, made at the first start.
	Instance string
	// Contexts are those whose commands to decide; none: all.
	Contexts []string
	Sessions int
	// Standbys is how many partitions to follow without owning them, Capacity how many to own at most; 0: no limit.
	Standbys, Capacity int

	Batch        int
	Flush        time.Duration
	DedupWindow  time.Duration
	DedupEntries int
	// CacheBytes bounds a partition's aggregates in memory, StoreCacheBytes the store's block cache.
	CacheBytes         int
	StoreCacheBytes    int64
	AcceptLostCommands bool
	// SessionTimeout and TransactionTimeout: zero takes the defaults of the kafka package.
	SessionTimeout, TransactionTimeout time.Duration
}

// NewAggregator returns the defaults.
func NewAggregator() Aggregator {
	d := aggregator.Config{}.WithDefaults()
	return Aggregator{
		State: filepath.Join("data", "aggregator"), Sessions: d.Sessions, Batch: d.BatchMax, Flush: d.FlushEvery,
		DedupWindow: d.DedupWindow, DedupEntries: d.DedupEntries,
		CacheBytes: d.CacheBytes, StoreCacheBytes: pebble.DefaultCacheBytes,
		SessionTimeout: kafka.SessionTimeoutDefault, TransactionTimeout: kafka.TransactionTimeoutDefault,
	}
}

// Flags declares them.
func (a *Aggregator) Flags(f *cli.Flags) {
	f.StringVar(&a.State, "state", a.State, "`folder` of this worker's state and name; one worker each")
	f.StringVar(&a.Instance, "instance", a.Instance, "`name` of this worker for life; empty: the one in --state, drawn at the first start")
	f.StringSliceVar(&a.Contexts, "context", a.Contexts, "`contexts` whose commands to decide, separated by commas; empty: all")
	f.IntVar(&a.Sessions, "sessions", a.Sessions, "`number` of transactional sessions: one commits while another decides. Two get more done under full load, one answers sooner")
	f.IntVar(&a.Standbys, "standbys", a.Standbys, "`partitions` of others to follow, so that they can be taken over within moments; each takes the memory of one that is owned")
	f.IntVar(&a.Capacity, "capacity", a.Capacity, "`partitions` to own at most, as long as others have room; 0: no limit")
	f.IntVar(&a.Batch, "batch", a.Batch, "`commands` of one transaction at most")
	f.DurationVar(&a.Flush, "flush", a.Flush, "`time` after which committed states are written to the store, longer where that takes more than a tenth of the time; a restart folds what was not")
	f.DurationVar(&a.DedupWindow, "dedup-window", a.DedupWindow, "`time` for which a repeated command ID is recognised")
	f.IntVar(&a.DedupEntries, "dedup-entries", a.DedupEntries, "`commands` a partition remembers for that at most, whichever ends first")
	f.IntVar(&a.CacheBytes, "cache-bytes", a.CacheBytes, "`bytes` of memory for the decoded aggregates of each partition, by an estimate; what is not there is read from the store")
	f.Int64Var(&a.StoreCacheBytes, "store-cache-bytes", a.StoreCacheBytes, "`bytes` of memory for the store's blocks")
	f.DurationVar(&a.SessionTimeout, "session-timeout", a.SessionTimeout, "`time` without a sign of life after which others take over")
	f.DurationVar(&a.TransactionTimeout, "transaction-timeout", a.TransactionTimeout, "`time` after which the broker ends a dead worker's transaction")
	f.BoolVar(&a.AcceptLostCommands, "accept-lost-commands", a.AcceptLostCommands, "go on where offsets or undecided commands were lost, instead of refusing to start")
}

// Validate returns every fault.
func (a *Aggregator) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(a.State != "", "--state: a folder is needed")
	check(a.Instance == "" || instanceName.MatchString(a.Instance), "--instance: %q is not made of letters, digits, dots, dashes and underscores", a.Instance)
	check(a.Sessions >= 1 && a.Sessions <= sessionsMax, "--sessions: %d is not between 1 and %d", a.Sessions, sessionsMax)
	check(a.Standbys >= 0, "--standbys: %d partitions can't be followed", a.Standbys)
	check(a.Capacity >= 0, "--capacity: %d partitions can't be owned; 0 sets no limit", a.Capacity)
	check(a.Batch >= 1, "--batch: %d commands would never commit", a.Batch)
	check(a.Flush > 0, "--flush: %v is not a time to wait", a.Flush)
	check(a.DedupWindow >= time.Second, "--dedup-window: %v is shorter than a second", a.DedupWindow)
	check(a.DedupEntries >= 1, "--dedup-entries: %d commands would recognise nothing", a.DedupEntries)
	check(a.CacheBytes > 0, "--cache-bytes: %d is no size", a.CacheBytes)
	check(a.StoreCacheBytes > 0, "--store-cache-bytes: %d is no size", a.StoreCacheBytes)
	check(a.SessionTimeout >= time.Second, "--session-timeout: %v is shorter than a second", a.SessionTimeout)
	check(a.TransactionTimeout >= time.Second, "--transaction-timeout: %v is shorter than a second", a.TransactionTimeout)
	return errors.Join(faults...)
}

// sessionsMax is far beyond what pays: each has a client and a transaction of its own.
const sessionsMax = 64

// Aggregators are the workers of a process, one a context.
type Aggregators struct {
	f       *Foundation
	workers []*aggregator.Worker
	replies *kafka.Producer
}

// Open opens the store and a worker for each context.
func (a Aggregator) Open(ctx context.Context, f *Foundation) (*Aggregators, error) {
	contexts, err := f.Choose(a.Contexts)
	if err != nil {
		return nil, err
	}
	leases, metrics, err := a.leases(f, "give each its own")
	if err != nil {
		return nil, err
	}
	f.Telemetry.Store(metrics)
	if a.Instance == "" { // read under the store's lock
		if a.Instance, err = instanceIn(a.State, "aggregator"); err != nil {
			return nil, err
		}
	}
	replies, err := kafka.NewProducer(f.Kafka, kafka.ProducerConfig{})
	if err != nil {
		return nil, err
	}
	f.OnClose(func() error { replies.Close(); return nil })
	r := &Aggregators{f: f, replies: replies}
	for _, c := range contexts {
		w, err := aggregator.New(ctx, a.worker(f, c, leases, replies))
		if err != nil {
			return nil, err
		}
		f.Telemetry.AddReady("aggregator "+c.Name, w.Ready)
		f.Log.Info("aggregator", "context", c.Name, "instance", a.Instance, "state", a.State, "sessions", a.Sessions)
		r.workers = append(r.workers, w)
	}
	f.Telemetry.Workers(r.Status)
	return r, nil
}

// Status says how far each context's worker is behind.
func (r *Aggregators) Status() []aggregator.Status {
	out := make([]aggregator.Status, 0, len(r.workers))
	for _, w := range r.workers {
		out = append(out, w.Status())
	}
	return out
}

// leases opens the store, which is closed with the foundation. Where another process has it, the error says what to do.
func (a Aggregator) leases(f *Foundation, instead string) (*statestore.Leases, func() (statestore.Metrics, error), error) {
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(a.State, "store"), CacheBytes: a.StoreCacheBytes, Logger: f.Log})
	if errors.Is(err, statestore.ErrLocked) {
		return nil, nil, fmt.Errorf("%w: another worker runs on --state %s; %s", err, a.State, instead)
	}
	if err != nil {
		return nil, nil, err
	}
	f.OnClose(root.Close)
	return statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }), root.Metrics, nil
}

// worker is the configuration of one context's worker.
func (a Aggregator) worker(f *Foundation, c es.Context, leases *statestore.Leases, replies *kafka.Producer) aggregator.Config {
	observer := f.Telemetry.Aggregator()
	return aggregator.Config{
		Context: c.Name, Codec: f.Codec.Context(c.Name), Schemas: f.Codec, Kafka: f.Kafka,
		Partitions: int32(f.Services.Partitions), Instance: a.Instance, Sessions: a.Sessions, Leases: leases,
		Standbys: a.Standbys, Capacity: a.Capacity,
		BatchMax: a.Batch, FlushEvery: a.Flush, DedupWindow: a.DedupWindow, DedupEntries: a.DedupEntries, CacheBytes: a.CacheBytes,
		AcceptLostCommands: a.AcceptLostCommands,
		SessionTimeout:     a.SessionTimeout, TransactionTimeout: a.TransactionTimeout,
		Replier:  &replier{codec: f.Codec, out: replies, observe: func(sent bool) { observer.Replied(c.Name, sent) }, log: f.Log},
		Observer: observer, Tracer: f.Traces.Decisions(), Log: f.Log,
	}
}

const repliesPatience = 5 * time.Second

// Run decides commands until ctx ends; then it finishes its batches, passes its partitions on and sends what replies
// are left.
func (r *Aggregators) Run(ctx context.Context) error {
	var run []func(context.Context) error
	for _, w := range r.workers {
		run = append(run, w.Run)
	}
	err := cli.RunAll(ctx, run...)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), repliesPatience)
	defer cancel()
	if unsent := r.replies.Flush(flush); unsent != nil {
		r.f.Log.Warn("some replies were not sent; their callers find the outcome by asking for the command", "cause", unsent)
	}
	return err
}
