package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"recount/internal/es"
	"recount/internal/statestore/pebble/pebbletest"
	"recount/internal/worker/aggregator"
)

// world is the whole write side: a broker, aggregators and producers, on one virtual network and in virtual time. It
// lives inside a synctest bubble, and whoever opens it closes it there.
type world struct {
	worldConfig
	broker    *broker
	processes []*process
	producers []*producer

	began   time.Time
	trace   trace
	closing atomic.Bool
	running sync.WaitGroup
	slept   chan struct{} // closed when the world closes: nobody sleeps on

	mu       sync.Mutex
	counts   figures
	answers  []told
	breaks   map[string]string
	failures []error
}

// worldConfig says who is there.
type worldConfig struct {
	code
	partitions int32
	processes  int
	sessions   int // of each
	standbys   int // partitions that each follows
	producers  int
	// adjust changes the configuration of workers, where a run is about a setting.
	adjust func(*aggregator.Config, *life)
	// forgiven says which errors of a worker that stopped by itself the run expects.
	forgiven func(error) bool
}

// lastWords is longer than any timer that still runs when everybody has stopped.
const lastWords = time.Minute

func openWorld(ctx context.Context, c worldConfig) (*world, error) {
	w := &world{worldConfig: c, began: time.Now(), slept: make(chan struct{}), breaks: map[string]string{}}
	var err error
	if w.broker, err = startBroker(ctx, c.partitions); err != nil {
		return nil, err
	}
	for n := range c.producers {
		p, err := w.newProducer(n)
		if err != nil {
			return nil, errors.Join(err, w.broker.kafka.Close())
		}
		w.producers = append(w.producers, p)
	}
	for n := range c.processes {
		p := &process{w: w, name: fmt.Sprint("w", n), sessions: c.sessions, bent: c.mutation, disk: pebbletest.NewDisk()}
		w.processes = append(w.processes, p)
	}
	return w, nil
}

// note adds to the trace, with the time since the beginning.
func (w *world) note(format string, args ...any) {
	w.trace.add("%8.3f %s", w.elapsed().Seconds(), fmt.Sprintf(format, args...))
}

func (w *world) count(do func(*figures)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	do(&w.counts)
}

// start lets the supervisor begin to run a process.
func (w *world) start(p *process) {
	w.running.Add(1)
	go p.supervise()
}

func (w *world) elapsed() time.Duration { return time.Since(w.began) }

// sleep passes time, unless the world closes.
func (w *world) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.slept:
	}
}

func (w *world) fail(err error) {
	w.note("FAILED: %v", err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failures = append(w.failures, err)
}

func (w *world) tell(t told) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, t)
}

// settle waits until everything that was sent is decided.
func (w *world) settle(ctx context.Context, patience time.Duration) {
	missing, stuck := "", 0
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(time.Second) {
		if missing = w.undecided(ctx); missing == "" {
			return
		}
		if stuck++; !w.broker.rebalances() {
			stuck = 0
		}
		if stuck > stuckMax {
			w.recess()
			stuck = 0
		}
	}
	w.fail(fmt.Errorf("not settled after %s: %s", patience, missing))
}

func (w *world) undecided(ctx context.Context) string {
	logs, err := w.broker.logs(ctx)
	if err != nil {
		return err.Error()
	}
	return w.broker.undecided(logs)
}

// stuckMax is how many seconds the group may have been rebalancing before there is a recess.
const stuckMax = 60

// recess stops everybody until nobody is a member any more. The fake broker counts its joining members, and miscounts
// where one that waits in the second half of a rebalance is replaced by its own successor; from then on it waits for one
// member too many, and begins to wait anew whenever one comes back. A broker completes a rebalance at its timeout,
// whoever is missing.
func (w *world) recess() {
	w.note("the fake's group counts its members wrong: a recess")
	for _, p := range w.processes {
		p.shutdown(recessLasts)
	}
	w.sleep(recessLasts)
}

// recessLasts is longer than the timeouts of rebalance, session and stop together.
const recessLasts = time.Minute

// close stops everybody in good order, and returns what does not hold of what the run left behind.
func (w *world) close(ctx context.Context) []breach {
	w.closing.Store(true)
	for _, p := range w.processes {
		p.disarm()
		p.shutdown(0)
	}
	close(w.slept)
	w.running.Wait()
	for _, p := range w.producers {
		p.out.Close()
	}
	out := w.judge(ctx)
	w.count(func(f *figures) { f.runs, f.virtual = 1, w.elapsed() })
	if err := w.broker.kafka.Close(); err != nil {
		w.fail(err)
	}
	time.Sleep(lastWords) // a bubble must not end while somebody in it still waits for a timer
	for _, err := range w.failures {
		out = append(out, breach{endsWell, err.Error()})
	}
	return out
}

// judge collects what the run left behind, and checks the invariants on it.
func (w *world) judge(ctx context.Context) []breach {
	h := &history{
		frames: w.frames, topics: w.broker.channels(), breaks: w.breaks, told: w.answers,
		eventsID: es.ID(w.broker.topics[eventsTopic].ID), snapshotsID: es.ID(w.broker.topics[snapshotsTopic].ID),
	}
	var err error
	if h.parts, err = w.broker.logs(ctx); err != nil {
		w.fail(err)
		return nil
	}
	for _, p := range w.processes {
		root, err := p.disk.Open()
		if err != nil {
			w.fail(err)
			continue
		}
		defer w.check(root.Close)
		for n := range w.broker.partitions {
			store, err := root.Open(storeName(n))
			if err != nil {
				w.fail(err)
				continue
			}
			defer w.check(store.Close)
			h.stores = append(h.stores, storeCopy{p.name, n, store})
		}
	}
	w.count(func(f *figures) { f.observe(h) })
	return breachesOf(h)
}

func (w *world) check(do func() error) {
	if err := do(); err != nil {
		w.fail(err)
	}
}
