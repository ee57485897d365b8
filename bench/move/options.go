package main

import (
	"io"
	"time"

	"recount/bench/frame"
	"recount/bench/workload"
)

// options are what a person may choose.
type options struct {
	frame.Output
	plan     workload.Plan
	rate     int // commands a second
	warmUp   time.Duration
	moves    int
	rest     time.Duration // after each move
	standbys bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var partitions int
	f := frame.NewFlags("move", usage, &o.Output)
	f.IntVar(&o.rate, "rate", 20_000, "commands a second")
	f.IntVar(&o.plan.Accounts, "accounts", 100_000, "accounts they go to")
	f.IntVar(&partitions, "partitions", 6, "partitions of every topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the stream")
	f.DurationVar(&o.warmUp, "warm-up", 20*time.Second, "time under load before the first move")
	f.IntVar(&o.moves, "moves", 5, "moves, to and fro between the two workers")
	f.DurationVar(&o.rest, "rest", 10*time.Second, "time under load for each move")
	f.BoolVar(&o.standbys, "standbys", true, "have the workers follow each other's partitions")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions = int32(partitions)
	o.plan.Commands = int(float64(o.rate) * (o.warmUp + time.Duration(o.moves)*o.rest).Seconds())
	f.Check(o.rate > 0 && o.moves > 0 && o.warmUp > 0 && o.rest > 0, "--rate, --moves, --warm-up and --rest must be positive")
	return o, f.Faults(o.plan.Validate())
}
