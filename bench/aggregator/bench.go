package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"recount/bench/frame"
	"recount/bench/meter"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/serde"
)

// benchmark is all rounds.
type benchmark struct {
	*frame.Scene
	o          options
	codec      *serde.Codec
	workload   *workload.Workload
	contenders map[string]contender
	readings   map[string][]meter.Reading
}

// measure runs the rounds.
func measure(ctx context.Context, s *frame.Scene, o options) (frame.Result, error) {
	b := &benchmark{Scene: s, o: o, readings: map[string][]meter.Reading{}}
	if err := b.prepare(ctx); err != nil {
		return frame.Result{}, err
	}
	if err := b.rounds(ctx); err != nil {
		return frame.Result{}, err
	}
	conditions, err := b.conditions(ctx)
	if err != nil {
		return frame.Result{}, err
	}
	return b.table(conditions), nil
}

func (b *benchmark) prepare(ctx context.Context) (err error) {
	if b.o.profile != "" {
		if err := os.MkdirAll(b.o.profile, 0o755); err != nil {
			return err
		}
	}
	if b.contenders, err = contenders(ctx, b.o, b.Progress); err != nil {
		return err
	}
	if b.codec, err = benchsubject.Offline(); err != nil {
		return err
	}
	b.Progress(fmt.Sprintf("encoding %s commands", report.Count(float64(b.o.plan.Commands))))
	b.workload, err = workload.Write(ctx, b.o.plan, b.codec, filepath.Join(b.Dir, "commands"))
	return err
}

// rounds lets every contender run once a round.
func (b *benchmark) rounds(ctx context.Context) error {
	for round := range b.o.rounds {
		for _, name := range frame.Turn(b.o.chosen(), round) {
			c := b.contenders[name]
			reading, err := b.run(ctx, c)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, c.title(), err)
			}
			b.readings[name] = append(b.readings[name], reading)
			b.Progress(fmt.Sprintf("round %d  %-24s %s commands/s", round+1, c.title(), report.Count(reading.PerSecond())))
		}
	}
	return nil
}
