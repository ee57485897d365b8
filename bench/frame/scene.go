package frame

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"recount/bench/broker"
	"recount/bench/report"
	"recount/internal/kafka"
)

// Scene is where a benchmark takes place.
type Scene struct {
	// Dir is a folder that is removed at the end.
	Dir string
	// Machine is what it runs on, and how busy that was before; part of the conditions.
	Machine string
	// Log receives what processes write; nil: their last lines are kept for messages.
	Log io.Writer
	// Progress tells people how far it is.
	Progress func(string)
}

func set(messages io.Writer, verbose bool) (*Scene, error) {
	began := time.Now()
	s := &Scene{Machine: report.Machine(began), Progress: func(text string) {
		fmt.Fprintf(messages, "%4.0fs  %s\n", time.Since(began).Seconds(), text)
	}}
	if verbose {
		s.Log = messages
	}
	var err error
	s.Dir, err = os.MkdirTemp("", "recount-bench-")
	return s, err
}

// Broker starts a Kafka with the topics of contexts. Whoever asked for it stops it.
func (s *Scene) Broker(ctx context.Context, v broker.Variant, partitions int32, contexts ...string) (*broker.Broker, error) {
	b, err := broker.Start(ctx, broker.Options{Variant: v, Progress: s.Progress})
	if err != nil {
		return nil, err
	}
	cfg := kafka.Config{Brokers: []string{b.Addr()}}
	if err := kafka.EnsureTopics(ctx, cfg, contexts, partitions, kafka.Replication{Factor: 1}); err != nil {
		return nil, errors.Join(err, b.Stop(context.WithoutCancel(ctx)))
	}
	return b, nil
}

// Turn is all of them, each round with another in front: what changes slowly, such as the heat of the machine, meets all.
func Turn[T any](all []T, round int) []T {
	first := round % len(all)
	return slices.Concat(all[first:], all[:first])
}
