package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"recount/bench/meter"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/serde"
)

// benchmark is all rounds.
type benchmark struct {
	o          options
	dir        string
	codec      *serde.Codec
	workload   *workload.Workload
	contenders map[string]contender
	log        io.Writer // of contenders; nil: their last lines are kept for messages
	progress   func(string)
	readings   map[string][]meter.Reading
}

// bench runs the rounds, and writes the result to a file and as a table to out.
func bench(ctx context.Context, o options, out, messages io.Writer) (err error) {
	began := time.Now()
	b := &benchmark{o: o, readings: map[string][]meter.Reading{}, progress: func(s string) {
		fmt.Fprintf(messages, "%4.0fs  %s\n", time.Since(began).Seconds(), s)
	}}
	if o.verbose {
		b.log = messages
	}
	machine := report.Machine(began)
	if b.dir, err = os.MkdirTemp("", "recount-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if err := b.prepare(ctx); err != nil {
		return err
	}
	if err := b.rounds(ctx); err != nil {
		return err
	}
	conditions, err := b.conditions(ctx, machine)
	if err != nil {
		return err
	}
	if err := report.Write(o.out, b.result(conditions)); err != nil {
		return err
	}
	return b.table(out, conditions)
}

func (b *benchmark) prepare(ctx context.Context) (err error) {
	if b.o.profile != "" {
		if err := os.MkdirAll(b.o.profile, 0o755); err != nil {
			return err
		}
	}
	if b.contenders, err = contenders(ctx, b.o, b.progress); err != nil {
		return err
	}
	if b.codec, err = benchsubject.Offline(); err != nil {
		return err
	}
	b.progress(fmt.Sprintf("encoding %s commands", report.Count(float64(b.o.plan.Commands))))
	b.workload, err = workload.Write(ctx, b.o.plan, b.codec, filepath.Join(b.dir, "commands"))
	return err
}

// rounds lets every contender run once a round, each time with another in front: what changes slowly, such as the heat of
// the machine, meets all of them.
func (b *benchmark) rounds(ctx context.Context) error {
	order := b.o.chosen()
	for round := range b.o.rounds {
		for i := range order {
			name := order[(i+round)%len(order)]
			c := b.contenders[name]
			reading, err := b.run(ctx, c)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, c.title(), err)
			}
			b.readings[name] = append(b.readings[name], reading)
			b.progress(fmt.Sprintf("round %d  %-24s %s commands/s", round+1, c.title(), report.Count(reading.PerSecond())))
		}
	}
	return nil
}
