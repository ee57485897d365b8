// Package subject is Recount's aggregator as the benchmarks run it: put together as its own program does.
package subject

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"

	"golang.org/x/sync/errgroup"

	"recount/domain"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/telemetry"
	"recount/internal/worker/aggregator"
	"recount/schemas/avro"
)

// Bank is the context that all benchmarks play.
const Bank = "bank"

// Config is what the aggregator's process is told. Everything else is as the aggregator's own program has it.
type Config struct {
	Address         string
	Dir             string
	Partitions      int32
	Sessions, Batch int    // 0: the defaults
	Profile         string // a folder; empty: none
}

// Run is the aggregator, put together as its own program does, with metrics served and observed. Frames have the IDs that
// the codec gives them without a registry, which is asked only for schemas that were never met.
func (c Config) Run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	tel := telemetry.New("aggregator")
	server, err := tel.Listen(ctx, telemetry.Endpoint{Address: "127.0.0.1:0", Log: log})
	if err != nil {
		return err
	}
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(c.Dir, "store"), Logger: log})
	if err != nil {
		return errors.Join(err, server.Close())
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	tel.Store(root.Metrics)
	worker, err := c.worker(ctx, tel, root, log)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	stop, err := profile(c.Profile)
	if err != nil {
		return errors.Join(err, server.Close())
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return server.Run(ctx) })
	g.Go(func() error { return worker.Run(ctx) })
	return errors.Join(g.Wait(), stop(), tell(tel))
}

func (c Config) worker(ctx context.Context, tel *telemetry.Telemetry, root statestore.Root, log *slog.Logger) (*aggregator.Worker, error) {
	codec, err := Offline()
	if err != nil {
		return nil, err
	}
	return aggregator.New(ctx, aggregator.Config{
		Context: Bank, Codec: codec.Context(Bank), Schemas: codec, Partitions: c.Partitions, Instance: "bench",
		Kafka:    kafka.Config{Brokers: []string{c.Address}, ClientID: "recount-aggregator", Log: log, Hooks: tel.KafkaHooks()},
		Sessions: c.Sessions, BatchMax: c.Batch,
		Leases:   statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		Observer: tel.Aggregator(), Log: log,
	})
}

// Offline returns the codec that all contenders' frames are of.
func Offline() (*serde.Codec, error) {
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		return nil, err
	}
	return catalog.Offline(), nil
}

// profile begins a processor profile in a folder; the function it returns ends it, and adds a profile of allocations.
func profile(dir string) (stop func() error, err error) {
	if dir == "" {
		return func() error { return nil }, nil
	}
	processor, err := os.Create(filepath.Join(dir, "cpu.pprof"))
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(processor); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), processor.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(processor.Close(), writeAllocations(filepath.Join(dir, "allocs.pprof")))
	}, nil
}

func writeAllocations(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return errors.Join(pprof.Lookup("allocs").WriteTo(file, 0), file.Close())
}

// tell writes what the aggregator's own metrics say of the run.
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
