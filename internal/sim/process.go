package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/statestore/pebble/pebbletest"
	"recount/internal/worker/aggregator"
)

// process is an aggregator on a machine of its own, kept running by a supervisor: whatever ends it, it is started again.
// Disk and clock are the machine's, and outlive it.
type process struct {
	w         *world
	name      string
	sessions  int
	skew      atomic.Int64 // nanoseconds that its clock is ahead
	takeovers atomic.Int64

	mu    sync.Mutex
	bent  mutation // of what it sends; as a rule the world's
	disk  *pebbletest.Disk
	alive *life // nil while it is down
	armed []*charge
	rules []*rule
}

// life is one run of a process, from its start to whatever ends it.
type life struct {
	p     *process
	link  *link
	disk  *pebbletest.Disk
	root  *pebble.Root
	stop  context.CancelFunc
	dead  atomic.Bool   // killed: nothing that it still does has an effect
	gone  chan struct{} // closed when it was killed
	ended chan error    // its Run's
	rest  time.Duration // how long it stays down afterwards
	asked bool          // to stop
}

// bend makes a process's requests make a mutation's mistake from now on.
func (p *process) bend(m mutation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bent = m
}

// charge waits for the process to reach a point, and then does something to it.
type charge struct {
	at   point
	nth  int
	does func(*life)
}

// arm makes the process's next run, or this one, suffer at a point.
func (p *process) arm(at point, nth int, does func(*life)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = append(p.armed, &charge{at, nth, does})
}

// disarm takes back what has not happened, so that the run can end.
func (p *process) disarm() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.rules = nil, nil
}

// current is the process's life, nil while it has none.
func (p *process) current() *life {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.alive
}

// reach is called where the process stands at a point.
func (l *life) reach(at point) {
	if at == nowhere || l.dead.Load() {
		return
	}
	l.p.mu.Lock()
	var due []*charge
	var left []*charge
	for _, c := range l.p.armed {
		if c.at == at {
			c.nth--
		}
		if c.nth > 0 {
			left = append(left, c)
		} else {
			due = append(due, c)
		}
	}
	l.p.armed = left
	l.p.mu.Unlock()
	for _, c := range due {
		l.p.w.note("%s: %s", l.p.name, at)
		c.does(l)
	}
}

// diskFate is what a process finds of its disk after it was killed.
type diskFate string

const (
	diskKept diskFate = "kept" // kill −9
	diskTorn diskFate = "torn" // the machine lost power: what was not synced is partly there
	diskLost diskFate = "lost"
)

// kill ends l at this instant, where it stands. Its goroutines take longer, and nothing they do is heard of or kept.
func (l *life) kill(at point, rest time.Duration, fate diskFate, rng *rand.Rand) {
	if l.dead.Swap(true) {
		return
	}
	l.p.w.note("%s dies, its disk is %s", l.p.name, fate)
	l.p.w.count(func(f *figures) { f.crash(at) })
	l.link.sever()
	l.p.mu.Lock()
	switch fate {
	case diskKept:
		l.p.disk = l.disk.Crash(100, rng)
	case diskTorn:
		l.p.disk = l.disk.Crash(rng.IntN(100), rng)
	case diskLost:
		l.p.disk = pebbletest.NewDisk()
	}
	l.rest = rest
	l.p.mu.Unlock()
	close(l.gone)
	l.stop()
}

// supervise keeps the process running until the world closes.
func (p *process) supervise() {
	defer p.w.running.Done()
	for !p.w.closing.Load() {
		l, err := p.boot()
		if err != nil {
			p.w.note("%s does not start: %v", p.name, err)
			time.Sleep(time.Second)
			continue
		}
		select {
		case <-l.gone:
			p.w.running.Add(1)
			go l.bury()
		case err := <-l.ended:
			if !p.bereaved(l, err) {
				return
			}
		}
		p.mu.Lock()
		p.alive = nil
		rest := l.rest
		p.mu.Unlock()
		p.w.sleep(rest)
	}
}

// bereaved looks at why a process ended by itself, or after it was asked to. It reports false where starting it again is
// of no use.
func (p *process) bereaved(l *life, err error) bool {
	p.w.note("%s ends: %v", p.name, err)
	if l.dead.Load() || l.asked {
		err = nil // killed in the same instant; or asked to stop in the middle of a transaction that it could not end
	}
	if errors.Is(err, engine.ErrClockBehind) {
		p.w.count(func(f *figures) { f.clockStops++ })
		p.skew.Store(0) // by whoever is called
		err = nil
	}
	if l.rest == 0 {
		l.rest = time.Second
	}
	if err != nil && (p.w.forgiven == nil || !p.w.forgiven(err)) {
		p.w.fail(fmt.Errorf("%s stopped: %w", p.name, err))
	}
	if err := l.root.Close(); err != nil && !l.dead.Load() {
		p.w.fail(fmt.Errorf("%s left its store open: %w", p.name, err))
	}
	return err == nil
}

// bury waits for the goroutines of a killed process.
func (l *life) bury() {
	defer l.p.w.running.Done()
	<-l.ended
	if err := l.root.Close(); err != nil {
		l.p.w.note("%s: its old store: %v", l.p.name, err)
	}
}

// boot starts the process.
func (p *process) boot() (*life, error) {
	p.mu.Lock()
	disk := p.disk
	p.mu.Unlock()
	root, err := disk.Open()
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	l := &life{p: p, disk: disk, root: root, stop: stop, gone: make(chan struct{}), ended: make(chan error, 1)}
	l.link = newLink(p.w.broker.network.DialContext, l.watch)
	worker, err := aggregator.New(ctx, l.config())
	if err != nil {
		stop()
		return nil, errors.Join(err, root.Close())
	}
	p.mu.Lock()
	p.alive = l
	p.mu.Unlock()
	p.w.note("%s starts", p.name)
	go func() { l.ended <- worker.Run(ctx) }()
	return l, nil
}

// insert gives a process that is down another disk.
func (p *process) insert(d *pebbletest.Disk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.disk = d
}

// rebuild fills the process's stores without being a member of the group, over the network that watch looks at.
func (p *process) rebuild(ctx context.Context, watch func(passage) verdict) (restored []aggregator.Restored, err error) {
	root, err := p.disk.Open()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	l := &life{p: p, disk: p.disk, root: root}
	l.link = newLink(p.w.broker.network.DialContext, watch)
	worker, err := aggregator.New(ctx, l.config())
	if err != nil {
		return nil, err
	}
	return worker.Rebuild(ctx, aggregator.Rebuild{})
}

// shutdown asks the process to stop in good order, and to stay down for a while.
func (p *process) shutdown(rest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.alive != nil {
		p.w.note("%s is asked to stop", p.name)
		p.alive.rest, p.alive.asked = rest, true
		p.alive.stop()
	}
}

const (
	sessionTimeout     = 3 * time.Second
	transactionTimeout = 5 * time.Second
	batchMax           = 50
	snapshotEvery      = 6 // events of an aggregate
	checkpointEvery    = 3 * time.Second
)

// now is what the machine's clock shows.
func (l *life) now() time.Time { return time.Now().Add(time.Duration(l.p.skew.Load())) }

func (l *life) config() aggregator.Config {
	w := l.p.w
	cfg := aggregator.Config{
		Context: contextName, Schemas: watchedSchemas{w.frames, l}, Partitions: w.broker.partitions, Instance: l.p.name,
		Codec:    watchedCodec{w.mutation.bentCodec(w.frames.Context(contextName), l.now), l.reach},
		Kafka:    kafka.Config{Brokers: w.broker.clean.Brokers, Dialer: l.link.connect},
		Sessions: l.p.sessions, Standbys: w.standbys,
		Leases: statestore.NewLeases(watchedRoot{w.mutation.bentRoot(l.root), l.reach}, func(r statestore.Reader) (int64, error) {
			return engine.StoredPosition(r)
		}),
		BatchMax: batchMax, FlushEvery: time.Second, SnapshotEvery: snapshotEvery, CheckpointEvery: checkpointEvery,
		SessionTimeout: sessionTimeout, TransactionTimeout: transactionTimeout,
		Now:      l.now,
		Replier:  watchedReplies{l},
		Observer: watchedCourse{l},
		Log:      slog.New(traceHandler{l}),
	}
	if w.adjust != nil {
		w.adjust(&cfg, l)
	}
	return cfg
}
