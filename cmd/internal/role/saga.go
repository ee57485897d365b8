package role

import (
	"context"
	"fmt"
	"path/filepath"

	"recount/cmd/internal/cli"
	"recount/internal/worker/aggregator"
)

// Saga is the configuration of the role that runs processes. Its worker is an aggregator's, with what processes wait for
// in the place of commands.
type Saga struct{ Aggregator }

// NewSaga returns the defaults.
func NewSaga() Saga {
	s := Saga{NewAggregator()}
	s.State = filepath.Join("data", "saga")
	return s
}

// Sagas are the workers of a process, one a context that has sagas.
type Sagas struct{ workers []*aggregator.Worker }

// Open opens the store and a worker for each context.
func (s Saga) Open(ctx context.Context, f *Foundation) (*Sagas, error) {
	contexts, err := f.Choose(s.Contexts)
	if err != nil {
		return nil, err
	}
	leases, _, err := s.leases(f, "give each its own")
	if err != nil {
		return nil, err
	}
	if s.Instance == "" { // read under the store's lock
		if s.Instance, err = instanceIn(s.State, "saga"); err != nil {
			return nil, err
		}
	}
	r := &Sagas{}
	for _, c := range contexts {
		if len(c.Processes) == 0 {
			continue
		}
		cfg := s.worker(f, c, leases, nil)
		codec := f.Codec.Processes(c.Name)
		cfg.Codec, cfg.Outbox, cfg.Replier, cfg.Observer = codec, codec, nil, f.Telemetry.Saga()
		w, err := aggregator.New(ctx, cfg)
		if err != nil {
			return nil, fmt.Errorf("saga: %w", err)
		}
		f.Telemetry.AddReady("saga "+c.Name, w.Ready)
		f.Log.Info("saga", "context", c.Name, "instance", s.Instance, "state", s.State, "sessions", s.Sessions)
		r.workers = append(r.workers, w)
	}
	return r, nil
}

// Run takes in what processes wait for until ctx ends; then it finishes its batches and passes its partitions on.
func (r *Sagas) Run(ctx context.Context) error {
	var run []func(context.Context) error
	for _, w := range r.workers {
		run = append(run, w.Run)
	}
	if len(run) == 0 {
		<-ctx.Done()
		return nil
	}
	return cli.RunAll(ctx, run...)
}
