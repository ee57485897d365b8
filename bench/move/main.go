// Move measures for how long a partition stands still when an operator moves it to another worker under load, and whether
// any other does.
//
// It runs on a real Kafka, started here, with two aggregators in processes of their own that follow each other's
// partitions. A reader of committed events sees the pauses; what the two wrote is checked, account by account, before a
// time counts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"recount/bench/workload"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench move: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench move:", err)
		os.Exit(1)
	}
}

// run is the benchmark, or one of its aggregators in a process of its own.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == subjectArgument {
		return runSubject(ctx, args[1:])
	}
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}

// options are what a person may choose.
type options struct {
	plan     workload.Plan
	rate     int // commands a second
	warmUp   time.Duration
	moves    int
	rest     time.Duration // after each move
	out      string
	standbys bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var partitions int
	f := flag.NewFlagSet("bench move", flag.ContinueOnError)
	f.SetOutput(usage)
	f.IntVar(&o.rate, "rate", 20_000, "commands a second")
	f.IntVar(&o.plan.Accounts, "accounts", 100_000, "accounts they go to")
	f.IntVar(&partitions, "partitions", 6, "partitions of every topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the stream")
	f.DurationVar(&o.warmUp, "warm-up", 20*time.Second, "time under load before the first move")
	f.IntVar(&o.moves, "moves", 5, "moves, to and fro between the two workers")
	f.DurationVar(&o.rest, "rest", 10*time.Second, "time under load for each move")
	f.BoolVar(&o.standbys, "standbys", true, "have the workers follow each other's partitions")
	f.StringVar(&o.out, "out", filepath.Join("bench", "results", "move.json"), "file for the result")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions = int32(partitions)
	o.plan.Commands = int(float64(o.rate) * (o.warmUp + time.Duration(o.moves)*o.rest).Seconds())
	if o.rate < 1 || o.moves < 1 || o.warmUp <= 0 || o.rest <= 0 || len(f.Args()) > 0 {
		return o, errors.New("--rate, --moves, --warm-up and --rest must be positive, and there are flags only")
	}
	return o, o.plan.Validate()
}
