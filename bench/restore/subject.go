package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	benchsubject "recount/bench/subject"
	"recount/internal/statestore/pebble"
	"recount/internal/worker/aggregator"
)

// worker is the role of a subject.
const worker = "worker"

// subject is what the aggregator's process is told.
type subject struct {
	benchsubject.Config
	// Rebuild says that the stores in Dir are to be filled, as aggregator restore does, FromZero or from snapshots; else
	// it runs.
	Rebuild, FromZero bool
	// RebuildProfile is a file; empty: none.
	RebuildProfile string
}

// told is what the process tells in one line, after this word, once it has what it was started for.
const toldPrefix = "told "

type told struct {
	Snapshots int // loaded
	Records   int // events and refusals folded
	Restored  int // partitions that were not gone on with from what the disk held
}

func (s subject) run(ctx context.Context) error {
	stop, err := benchsubject.Profile(s.RebuildProfile)
	if err != nil {
		return err
	}
	return s.With(ctx, func(ctx context.Context, _ *pebble.Root, cfg aggregator.Config) error {
		seen := &witness{Observer: aggregator.Config{}.WithDefaults().Observer}
		cfg.Observer = seen
		w, err := aggregator.New(ctx, cfg)
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
	})
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
