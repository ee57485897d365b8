// Package subject is Recount's roles as the benchmarks run them: put together as their own programs do.
package subject

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/domain"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/telemetry"
	"recount/internal/worker/aggregator"
	"recount/schemas/avro"
)

// Bank is the context that all benchmarks play, Commands and Events two of its topics.
const (
	Bank     = "bank"
	Commands = Bank + kafka.CommandsSuffix
	Events   = Bank + kafka.EventsSuffix
)

// Config is what a worker's process is told. Everything else is as the worker's own program has it.
type Config struct {
	Address         string
	Sagas           bool   // it carries sagas out, and decides no commands
	Dir             string // of its store
	Name            string // empty: there is only one
	Partitions      int32
	Sessions, Batch int           // 0: the defaults
	Standbys        int           // partitions it follows at most
	DedupWindow     time.Duration // 0: the default
	Profile         string        // a folder for Run; empty: none
}

// Run is the worker with metrics served and observed, as its own program does.
func (c Config) Run(ctx context.Context) error {
	tel := telemetry.New(c.role())
	return c.With(ctx, func(ctx context.Context, root *pebble.Root, cfg aggregator.Config) error {
		server, err := tel.Listen(ctx, telemetry.Endpoint{Address: "127.0.0.1:0", Log: cfg.Log})
		if err != nil {
			return err
		}
		tel.Store(root.Metrics)
		cfg.Kafka.Hooks, cfg.Observer = tel.KafkaHooks(), aggregator.Observer(tel.Aggregator())
		if c.Sagas {
			cfg.Observer = tel.Saga()
		}
		worker, err := aggregator.New(ctx, cfg)
		if err != nil {
			return errors.Join(err, server.Close())
		}
		stop, err := profiles(c.Profile)
		if err != nil {
			return errors.Join(err, server.Close())
		}
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return server.Run(ctx) })
		g.Go(func() error { return worker.Run(ctx) })
		return errors.Join(g.Wait(), stop(), tell(tel))
	})
}

func (c Config) role() string {
	if c.Sagas {
		return "saga"
	}
	return "aggregator"
}

// With opens the worker's store, hands do all that the worker is made of, and closes the store. Frames have the IDs
// that the codec gives them without a registry, which is asked only for schemas that were never met.
func (c Config) With(ctx context.Context, do func(context.Context, *pebble.Root, aggregator.Config) error) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	root, err := pebble.Open(pebble.Config{Dir: c.Dir, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	codec, err := Offline()
	if err != nil {
		return err
	}
	cfg := aggregator.Config{
		Context: Bank, Codec: codec.Context(Bank), Schemas: codec, Partitions: c.Partitions, Instance: cmp.Or(c.Name, "bench"),
		Kafka:    kafka.Config{Brokers: []string{c.Address}, ClientID: cmp.Or(c.Name, "recount-"+c.role()), Log: log},
		Sessions: c.Sessions, BatchMax: c.Batch, Standbys: c.Standbys, DedupWindow: c.DedupWindow,
		Leases: statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		Log:    log,
	}
	if c.Sagas {
		processes := codec.Processes(Bank)
		cfg.Codec, cfg.Outbox = processes, processes
	}
	return do(ctx, root, cfg)
}

// Contexts is the bank alone.
func Contexts() []es.Context {
	all := domain.Contexts()
	return all[slices.IndexFunc(all, func(c es.Context) bool { return c.Name == Bank }):][:1]
}

// Offline returns the codec that all contenders' frames are of.
func Offline() (*serde.Codec, error) {
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		return nil, err
	}
	return catalog.Offline(), nil
}

// tell writes what the role's own metrics say of the run.
func tell(tel *telemetry.Telemetry) error {
	families, err := tel.Gatherer().Gather()
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case m.GetHistogram().GetSampleCount() > 0:
				h := m.GetHistogram()
				fmt.Fprintf(os.Stderr, "%s %v: %d, mean %.4g\n", f.GetName(), m.GetLabel(), h.GetSampleCount(), h.GetSampleSum()/float64(h.GetSampleCount()))
			case m.GetCounter().GetValue() > 0:
				fmt.Fprintf(os.Stderr, "%s %v: %.0f\n", f.GetName(), m.GetLabel(), m.GetCounter().GetValue())
			}
		}
	}
	return nil
}
