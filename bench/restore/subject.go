package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/pprof"
	"sync/atomic"
	"time"

	"recount/domain"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/worker/aggregator"
	"recount/schemas/avro"
)

// subjectArgument makes this program the aggregator: it is followed by its configuration.
const subjectArgument = "run-aggregator"

// subject is what the aggregator's process is told. Everything else is as the aggregator's own program has it.
type subject struct {
	Address    string
	Dir        string
	Partitions int32
	// Rebuild says that the stores in Dir are to be filled, as aggregator restore does, FromZero or from snapshots; else
	// it runs.
	Rebuild, FromZero bool
	DedupWindow       time.Duration // 0: the default
	Profile           string        // a file; empty: none
}

// told is what the process tells in one line, after this word, once it has what it was started for.
const toldPrefix = "told "

type told struct {
	Snapshots int // loaded
	Records   int // events and refusals folded
	Restored  int // partitions that were not gone on with from what the disk held
}

func runSubject(ctx context.Context, args []string) error {
	var s subject
	if len(args) != 1 {
		return errors.New(subjectArgument + " is not for people to call")
	}
	if err := json.Unmarshal([]byte(args[0]), &s); err != nil {
		return err
	}
	return s.run(ctx)
}

func (s subject) run(ctx context.Context) (err error) {
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	stop, err := profile(s.Profile)
	if err != nil {
		return err
	}
	root, err := pebble.Open(pebble.Config{Dir: s.Dir, Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	codec, err := offline()
	if err != nil {
		return err
	}
	seen := &witness{Observer: aggregator.Config{}.WithDefaults().Observer}
	w, err := aggregator.New(ctx, aggregator.Config{
		Context: bank, Codec: codec.Context(bank), Schemas: codec, Partitions: s.Partitions, Instance: "bench",
		Kafka:       kafka.Config{Brokers: []string{s.Address}, ClientID: "recount-aggregator", Log: log},
		Leases:      statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		DedupWindow: s.DedupWindow, Observer: seen, Log: log,
	})
	if err != nil {
		return err
	}
	if s.Rebuild {
		if err = errors.Join(s.rebuild(ctx, w), stop()); err == nil {
			<-ctx.Done() // whoever measures asks for the end
		}
		return err
	}
	return errors.Join(seen.run(ctx, w), stop())
}

func (s subject) rebuild(ctx context.Context, w *aggregator.Worker) error {
	done, err := w.Rebuild(ctx, aggregator.Rebuild{FromZero: s.FromZero})
	if err != nil {
		return err
	}
	var t told
	for _, r := range done {
		t.Snapshots += r.Snapshots
		t.Records += r.Records
	}
	return t.tell()
}

func (t told) tell() error {
	text, err := json.Marshal(t)
	if err == nil {
		_, err = fmt.Println(toldPrefix + string(text))
	}
	return err
}

// witness sees what a worker reads before it is ready.
type witness struct {
	aggregator.Observer
	records, restored atomic.Int64
}

// Takeover implements aggregator.Observer.
func (w *witness) Takeover(_ string, _ int32, _ time.Duration, records int) {
	w.records.Add(int64(records))
}

// Restore implements aggregator.Observer.
func (w *witness) Restore(string, aggregator.Restored) { w.restored.Add(1) }

// readyPoll is how exactly the time is known.
const readyPoll = 2 * time.Millisecond

// run runs the worker, and tells when it is ready.
func (w *witness) run(ctx context.Context, worker *aggregator.Worker) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	for worker.Ready() != nil {
		select {
		case err := <-ended:
			cancel(nil)
			return err
		case <-time.After(readyPoll):
		}
	}
	if err := (told{Records: int(w.records.Load()), Restored: int(w.restored.Load())}).tell(); err != nil {
		cancel(err)
	}
	err := <-ended
	cancel(nil)
	return err
}

// offline returns the codec that all frames are of.
func offline() (*serde.Codec, error) {
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		return nil, err
	}
	return catalog.Offline(), nil
}

// profile begins a processor profile in a file; the function it returns ends it.
func profile(path string) (stop func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(fmt.Errorf("profile: %w", err), file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return file.Close()
	}, nil
}
