package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"

	"recount/bench/process"
	"recount/domain"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
	"recount/internal/worker/aggregator"
	"recount/schemas/avro"
)

// subjectArgument makes this program an aggregator: it is followed by its configuration.
const subjectArgument = "run-aggregator"

// subject is what an aggregator's process is told. Everything else is as the aggregator's own program has it.
type subject struct {
	Address, Dir, Name string
	Partitions         int32
	Standbys           int
}

// start starts a copy of this program as an aggregator.
func (s subject) start() (*process.Process, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return process.Start(process.Spec{Name: s.Name, Path: self, Args: []string{subjectArgument, string(text)}, Dir: s.Dir})
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
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(s.Dir, s.Name), Logger: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	codec, err := offline()
	if err != nil {
		return err
	}
	w, err := aggregator.New(ctx, aggregator.Config{
		Context: bank, Codec: codec.Context(bank), Schemas: codec, Partitions: s.Partitions, Instance: s.Name, Standbys: s.Standbys,
		Kafka:  kafka.Config{Brokers: []string{s.Address}, ClientID: s.Name, Log: log},
		Leases: statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		Log:    log,
	})
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// offline returns the codec that all frames are of.
func offline() (*serde.Codec, error) {
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		return nil, err
	}
	return catalog.Offline(), nil
}
