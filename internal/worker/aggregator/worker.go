package aggregator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// Schemas knows the schemas of frames. A producer in another language may have registered a version of its own.
type Schemas interface {
	// Unknown reports the schema ID of a frame that was not met before.
	Unknown(frame []byte) (id int, unknown bool)
	// Learn asks the registry for it. That the registry does not know it either is no error.
	Learn(ctx context.Context, id int) error
}

// Replier answers callers who wait, after the commit. A lost answer is found by asking for the command.
type Replier interface {
	Reply(a *engine.Answer, position string, events [][]byte)
}

// Config describes one worker process's share in one context.
type Config struct {
	// Context is the bounded context's name; it prefixes the topics.
	Context string
	Codec   engine.Codec
	// Outbox makes this a worker of the context's processes: it decides what they wait for, and sends what they say. nil: it
	// decides commands.
	Outbox  engine.Outbox
	Schemas Schemas
	Kafka   kafka.Config
	// Partitions is the epoch's count, the same for every worker; the topics must have it.
	Partitions int32
	// Instance is this worker's name for life: group membership and transactional IDs derive from it.
	Instance string
	// Capacity is how many partitions this worker should own at most, all its sessions together; zero: no limit.
	Capacity int
	// Standbys is how many partitions this worker follows without owning them, so that it takes them over quickly. Each
	// takes as much memory as one that it owns.
	Standbys int
	// Sessions is how many independent transactional sessions to run; one commits while another decides.
	Sessions int
	Leases   *statestore.Leases
	// BatchMax bounds the commands of one transaction. It is halved after an abort, down to one, and grows back.
	BatchMax int
	// FlushEvery is how long committed states may wait before they are written to the store.
	FlushEvery time.Duration
	// DedupWindow and DedupEntries bound the window in which a repeated command ID is recognised, whichever ends first.
	DedupWindow  time.Duration
	DedupEntries int
	// CacheBytes bounds the decoded aggregates of a partition in memory, by an estimate.
	CacheBytes int
	// SnapshotEvery is after how many events an aggregate gets a snapshot; negative: only checkpoints write any.
	SnapshotEvery int64
	// CheckpointEvery is how often every other aggregate that has changed gets one, and what lies before needs no folding
	// any more; so it does when the worker stops. Negative: never. A restore folds what came since.
	CheckpointEvery time.Duration
	// AcceptLostCommands goes on where offsets or undecided commands were lost, instead of refusing to start.
	AcceptLostCommands bool
	// LagEvery is how often Status is measured. Negative: never.
	LagEvery time.Duration
	// TransactionTimeout and SessionTimeout: zero takes the defaults of the kafka package.
	TransactionTimeout, SessionTimeout time.Duration
	Now                                func() time.Time
	Replier                            Replier
	Observer                           Observer
	// Tracer, if given, follows some of the commands on their way.
	Tracer Tracer
	Log    *slog.Logger
}

// WithDefaults fills what is zero.
func (c Config) WithDefaults() Config {
	c.Sessions = cmp.Or(c.Sessions, 1)
	c.BatchMax = cmp.Or(c.BatchMax, 20_000)
	c.FlushEvery = cmp.Or(c.FlushEvery, time.Second)
	c.DedupWindow = cmp.Or(c.DedupWindow, engine.DedupMillisDefault*time.Millisecond)
	c.DedupEntries = cmp.Or(c.DedupEntries, engine.DedupEntriesDefault)
	c.CacheBytes = cmp.Or(c.CacheBytes, engine.CacheBytesDefault)
	c.SnapshotEvery = cmp.Or(c.SnapshotEvery, engine.SnapshotEveryDefault)
	c.CheckpointEvery = cmp.Or(c.CheckpointEvery, CheckpointEveryDefault)
	c.LagEvery = cmp.Or(c.LagEvery, LagEveryDefault)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Observer == nil {
		c.Observer = unobserved{}
	}
	return c
}

// Validate returns every fault of c.
func (c Config) Validate() error {
	return errors.Join(
		check(c.Context != "", "a context must be named"),
		check(c.Instance != "", "an instance must be named: it is this worker's identity after a restart"),
		check(c.Partitions > 0, "partitions must be positive"),
		check(c.Sessions > 0, "sessions must be positive"),
		check(c.Capacity >= 0 && c.Standbys >= 0, "capacity and standbys must not be negative"),
		check(c.BatchMax > 0, "the batch must be positive: an empty one never commits"),
		check(c.DedupWindow >= time.Second, "the dedup window must be at least a second"),
		check(c.FlushEvery > 0, "the flush interval must be positive"),
	)
}

func check(ok bool, problem string) error {
	if ok {
		return nil
	}
	return errors.New(problem)
}

// Worker decides the commands of the partitions its group gives it.
type Worker struct {
	cfg    Config
	topics topics
	ready  []atomic.Bool // by session: everything assigned has caught up

	holds    *holds
	steering *steering
	standbys *standbys
	sessions []atomic.Pointer[kafka.Session] // those at work, by number
	status   atomic.Pointer[Status]
	breath   time.Duration // see breather
}

// CheckpointEveryDefault is how often checkpoints are made.
const CheckpointEveryDefault = 10 * time.Minute

// topics are the names of a context's topics.
type topics struct {
	inputs                                  []string
	events, refusals, snapshots, deadLetter string
	ids                                     map[string]kafka.TopicInfo
}

// topics are those of this worker's part in its context.
func (c Config) topics() topics {
	t := topics{
		inputs:     []string{engine.Commands: c.Context + kafka.CommandsSuffix, engine.Dispatch: c.Context + kafka.DispatchSuffix},
		events:     c.Context + kafka.EventsSuffix,
		refusals:   c.Context + kafka.RefusalsSuffix,
		snapshots:  c.Context + kafka.SnapshotsSuffix,
		deadLetter: c.Context + kafka.DeadLettersSuffix,
	}
	if c.Outbox != nil {
		t.inputs = []string{engine.Commands: c.Context + kafka.InboxSuffix, engine.Dispatch: c.Context + kafka.EventsSuffix}
		t.events, t.refusals = c.Context+kafka.ProcessesSuffix, c.Context+kafka.ProcessRefusalsSuffix
		t.snapshots = c.Context + kafka.ProcessSnapshotsSuffix
	}
	return t
}

// part names what this worker is to its context: its group, its stores and the orders it obeys.
func (c Config) part() string {
	if c.Outbox != nil {
		return c.Context + ".saga"
	}
	return c.Context
}

// group is the consumer group of such workers.
func (c Config) group() string {
	if c.Outbox != nil {
		return ProcessGroup(c.Context)
	}
	return Group(c.Context)
}

// New returns a worker. It asks the cluster for the topics' incarnations and partition counts.
func New(ctx context.Context, cfg Config) (*Worker, error) {
	cfg = cfg.WithDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	t := cfg.topics()
	var err error
	if t.ids, err = kafka.DescribeTopics(ctx, cfg.Kafka, append([]string{t.events, t.refusals, t.snapshots, t.deadLetter}, t.inputs...)...); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	if _, err := kafka.DescribeTopics(ctx, cfg.Kafka, kafka.ControlTopic); err != nil {
		return nil, fmt.Errorf("aggregator: %w", err)
	}
	for name, info := range t.ids {
		if info.Partitions != cfg.Partitions {
			return nil, fmt.Errorf("aggregator: topic %s has %d partitions, --partitions says %d: an ID would live elsewhere than its events", name, info.Partitions, cfg.Partitions)
		}
	}
	w := &Worker{
		cfg: cfg, topics: t, ready: make([]atomic.Bool, cfg.Sessions), sessions: make([]atomic.Pointer[kafka.Session], cfg.Sessions),
		holds: newHolds(cfg.Now), steering: newSteering(),
	}
	w.standbys = newStandbys(w)
	return w, nil
}

// Group is the name of a context's consumer group of aggregators.
func Group(context string) string { return "recount." + context + ".aggregator" }

// ProcessGroup is the name of a context's consumer group of workers of its processes.
func ProcessGroup(context string) string { return "recount." + context + ".saga" }

// Run decides until ctx ends; then it finishes the batch under way, writes the store and leaves the group at once. A
// session that fails starts again with a new client, after a pause; what no restart can mend ends Run.
func (w *Worker) Run(ctx context.Context) error {
	if err := w.probe(ctx); err != nil {
		return fmt.Errorf("aggregator %s: looking what the store holds: %w", w.cfg.Context, err)
	}
	w.learnBreath(ctx)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.obey(ctx) })
	g.Go(func() error { return w.publishHolds(ctx) })
	g.Go(func() error { return w.standbys.run(ctx) })
	for i := range w.cfg.Sessions {
		g.Go(func() error {
			if err := w.awaitOrders(ctx); err != nil {
				return unlessStopped(err)
			}
			return w.keepRunning(ctx, i)
		})
	}
	g.Go(func() error { return w.watchLag(ctx) })
	if err := g.Wait(); err != nil {
		return fmt.Errorf("aggregator %s: %w", w.cfg.Context, err)
	}
	return nil
}

// Ready returns nil once every session has caught up with the partitions it was given.
func (w *Worker) Ready() error {
	for i := range w.ready {
		if !w.ready[i].Load() {
			return fmt.Errorf("aggregator %s: session %d has not caught up yet", w.cfg.Context, i)
		}
	}
	return nil
}

// permanent is an error that no restart mends.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

const (
	restartPauseFirst = 100 * time.Millisecond
	restartPauseMax   = 10 * time.Second
	// healthyAfter is how long a session must have run for its failure to count as a new one.
	healthyAfter = 30 * time.Second
)

func (w *Worker) keepRunning(ctx context.Context, session int) error {
	pause := backoff.NewExponentialBackOff()
	pause.InitialInterval, pause.MaxInterval = restartPauseFirst, restartPauseMax
	batch := w.cfg.BatchMax
	for {
		began := w.cfg.Now()
		err := w.session(ctx, session, &batch)
		w.ready[session].Store(false)
		var p permanent
		switch {
		case ctx.Err() != nil:
			return unlessStopped(err)
		case errors.As(err, &p):
			return err
		}
		if w.cfg.Now().Sub(began) > healthyAfter {
			pause.Reset()
		}
		wait := pause.NextBackOff()
		w.cfg.Log.Warn("aggregator session starts again", "context", w.cfg.Context, "session", session, "pause", wait, "cause", err)
		w.cfg.Observer.Restart(w.cfg.Context)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// session runs one session to its end. Its error is what ended it, or nil after an orderly stop. It begins with batches of
// the given size, and leaves half of its last one: what took so long that the session gave up is not tried again as it was.
func (w *Worker) session(ctx context.Context, n int, batch *int) error {
	name := fmt.Sprintf("%s.%s.%d", w.cfg.group(), w.cfg.Instance, n)
	s, err := kafka.OpenSession(ctx, kafka.SessionConfig{
		Config: w.cfg.Kafka, Group: w.cfg.group(),
		InstanceID: name, TransactionalID: name,
		Inputs: w.topics.inputs,
		Steering: kafka.Steering{
			Worker: w.cfg.Instance, Capacity: w.cfg.Capacity, Standbys: w.cfg.Standbys,
			Stores: w.holds.positions, Orders: w.steering.current, StandBy: w.standbys.give,
		},
		TransactionTimeout: w.cfg.TransactionTimeout, SessionTimeout: w.cfg.SessionTimeout,
	})
	if err != nil {
		return err
	}
	defer w.steering.attend(n, s)()
	defer w.standbys.claim(n, nil)
	w.sessions[n].Store(s)
	defer w.sessions[n].Store(nil)
	m := &member{w: w, cfg: &w.cfg, breather: breather{breath: w.breath}, s: s, name: name, number: n, ready: &w.ready[n], owned: map[int32]*owned{}, awaited: map[int32]bool{}, batch: *batch, lastFlush: w.cfg.Now(), lastCheckpoint: w.cfg.Now()}
	err = m.run(ctx)
	if ctx.Err() == nil {
		*batch = max(1, m.batch/2)
		m.abandon()
		s.Close()
		return err
	}
	if err = unlessStopped(err); err != nil {
		m.abandon()
	} else {
		err = m.drain()
	}
	m.leave()
	return err
}

// unlessStopped drops the error of whatever the end of the context interrupted: a stop that was asked for is no fault.
func unlessStopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
