//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/domain"
	"recount/e2e/broker"
	"recount/e2e/cut"
	"recount/e2e/fleet"
	"recount/e2e/script"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
)

const (
	partitions = 6
	accounts   = 2_000
	// sessionTimeout is short, so that many faults fit into a few minutes, and long enough that a busy machine does not
	// call the living dead too often. That would be no fault, and would try little.
	sessionTimeout     = 4 * time.Second
	transactionTimeout = 4 * time.Second
	// patience is how long the pipeline may take to be at work again after a fault.
	patience     = 5 * time.Minute
	eventualPace = 100 * time.Millisecond

	seedVariable = "E2E_SEED"
	// nowhere is where ClickHouse is while there is none.
	nowhere = "http://127.0.0.1:9"
)

// world is a broker, a registry and the workers of one test, on a network of their own.
type world struct {
	t       *testing.T
	seed    uint64
	random  *rand.Rand
	broker  *broker.Broker
	detour  *cut.Line // to the broker, for workers that it is to be taken from
	codec   *serde.Codec
	admin   *kadm.Client
	fleet   fleet.Fleet
	workers []*fleet.Member // of all roles
	script  *script.Script
	feeding *feed    // nil: nobody sends records
	calling *callers // nil: nobody sends requests
	views   *views   // nil: nobody keeps any
	counts  counted
}

// newWorld starts everything but workers. settings are more of the broker's.
func newWorld(t *testing.T, settings map[string]string) *world {
	t.Helper()
	w := &world{t: t, seed: seedOf(t)}
	w.random = rand.New(rand.NewPCG(w.seed, 2))
	var err error
	if w.detour, err = cut.Lay(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.must(w.detour.Close()) })
	if w.broker, err = broker.Start(t.Context(), broker.Options{Settings: settings, Detour: w.detour.Addr()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.must(w.broker.Stop(context.WithoutCancel(t.Context()))) })
	w.detour.Lead(w.broker.DetourAddr())
	var contexts []string
	for _, c := range domain.Contexts() { // of all of them, as the programs make them: recount status asks for all
		contexts = append(contexts, c.Name)
	}
	w.must(kafka.EnsureTopics(t.Context(), w.broker.Config(), contexts, partitions, kafka.Replication{}))
	registry := w.register()
	w.fleet = fleet.Fleet{
		Programs: os.Getenv(programsVariable), Dir: t.TempDir(), Registry: registry, ClickHouse: nowhere, Partitions: partitions,
		SessionTimeout: sessionTimeout, TransactionTimeout: transactionTimeout,
	}
	w.script = script.New(script.Options{Seed: w.seed, Accounts: accounts, Partitions: partitions, Codec: w.codec})
	w.admin = kadm.NewClient(w.client())
	t.Cleanup(w.end) // before everything else goes
	return w
}

// seedOf is the seed of a run: its choices, though not its every moment, can be repeated.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return seed
}

// register starts a registry, and has it know our schemas.
func (w *world) register() (url string) {
	w.t.Helper()
	service := embeddedtest.Registry(w.t)
	client, err := serde.NewRegistry(service.URL())
	w.must(err)
	w.t.Cleanup(client.Close)
	w.codec, err = serdetest.Catalog(w.t).Register(w.t.Context(), client, nil)
	w.must(err)
	return service.URL()
}

// client is one of the broker's, for as long as the test lasts.
func (w *world) client(opts ...kgo.Opt) *kgo.Client {
	w.t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(w.broker.Addr()))...)
	w.must(err)
	w.t.Cleanup(client.Close)
	return client
}

// worker adds a worker, and starts it.
func (w *world) worker(name string, flags ...string) *fleet.Member {
	w.t.Helper()
	return w.started(w.fleet.Aggregator(name, w.broker.Addr(), flags...))
}

// remote is worker for one behind the detour.
func (w *world) remote(name string, flags ...string) *fleet.Member {
	w.t.Helper()
	return w.started(w.fleet.Aggregator(name, w.detour.Addr(), flags...))
}

func (w *world) started(worker *fleet.Member) *fleet.Member {
	w.t.Helper()
	w.workers = append(w.workers, worker)
	w.must(worker.Start())
	return worker
}

func (w *world) ready(workers ...*fleet.Member) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for _, worker := range workers {
		w.must(worker.AwaitReady(ctx))
	}
}

// end kills what still runs, and shows the logs of a test that has failed.
func (w *world) end() {
	if w.t.Failed() {
		w.t.Logf("where it stands:\n%s", w.diagnosis())
	}
	for _, worker := range w.workers {
		if w.t.Failed() {
			w.t.Logf("%s said:\n%s", worker.Name, worker.LastLines())
		}
		if err := worker.Kill(); err != nil {
			w.t.Error(err)
		}
	}
	if w.t.Failed() {
		w.t.Logf("the broker said:\n%s", w.broker.LastLines(context.WithoutCancel(w.t.Context())))
	}
}

// allLive demands that no worker has ended by itself, and that whoever sends could do so. A worker that finds no broker
// when it starts says so and ends, and whoever started it starts it again.
func (w *world) allLive() {
	w.t.Helper()
	if w.feeding != nil {
		w.feeding.check()
	}
	if w.calling != nil {
		w.calling.check()
	}
	if w.views != nil {
		w.must(w.views.engine.Err())
	}
	for _, worker := range w.workers {
		died := worker.Died()
		if died == nil {
			continue
		}
		said, err := worker.Log()
		w.must(err)
		if strings.Contains(said, "the group assigns") {
			w.t.Fatal(died)
		}
		w.must(worker.Start())
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// eventually waits until ok returns nil. When that takes long, it looks for what an operator would look for.
func (w *world) eventually(what string, ok func(ctx context.Context) error) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	look := time.Now().Add(hangingAfter)
	var told error // the last answer that was not cut short by the end of the patience
	for {
		w.allLive()
		if time.Now().After(look) {
			look = time.Now().Add(transactionTimeout)
			if err := w.endHanging(ctx); err != nil {
				w.t.Logf("looking for hanging transactions: %v", err)
			}
		}
		err := ok(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil || told == nil {
			told = err
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: after %v still: %v", what, patience, errors.Join(told, w.t.Context().Err()))
		case <-time.After(eventualPace):
		}
	}
}

// events is how many offsets the partitions of the events have by now.
func (w *world) events(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ends, err := w.admin.ListCommittedOffsets(ctx, eventsTopic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return 0, fmt.Errorf("the end of the events: %w", err)
	}
	ends.Each(func(o kadm.ListedOffset) { n += o.Offset })
	return n, nil
}

// progress waits until events are recorded that were not there before.
func (w *world) progress() {
	w.t.Helper()
	before := int64(-1)
	w.eventually("new events are recorded", func(ctx context.Context) error {
		n, err := w.events(ctx)
		if before < 0 && err == nil {
			before = n
		}
		if err == nil && n < before+progressMin {
			err = fmt.Errorf("%d of %d offsets", n, before+progressMin)
		}
		return err
	})
}

// progressMin is more than what the workers have in hand when a fault begins: beyond it new commands are decided.
const progressMin = 300
