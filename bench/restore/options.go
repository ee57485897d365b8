package main

import (
	"io"
	"path/filepath"
	"time"

	"recount/bench/frame"
	"recount/bench/workload"
)

// options are what a person may choose.
type options struct {
	frame.Output
	plan    workload.Plan // events, and the commands that are decided when the worker is killed
	events  int
	tail    int
	since   int // events that came after the last checkpoint
	history time.Duration
	rounds  int
	peer    bool
	profile string
	dedup   time.Duration
}

const (
	fromZero      = "zero"
	fromSnapshots = "snapshots"
)

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var partitions int
	f := frame.NewFlags("restore", usage, &o.Output)
	f.IntVar(&o.events, "events", 5_000_000, "events of the history that is restored")
	f.IntVar(&o.plan.Accounts, "accounts", 1_000_000, "accounts they are of")
	f.IntVar(&partitions, "partitions", 6, "partitions of every topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the stream")
	f.IntVar(&o.since, "since-checkpoint", 100_000, "events that came after the last checkpoint")
	f.DurationVar(&o.history, "history", 24*time.Hour, "time over which the history was recorded, evenly: what lies in the dedup window is remembered by a restore")
	f.DurationVar(&o.dedup, "dedup-window", 0, "the aggregator's dedup window; 0: its default")
	f.IntVar(&o.tail, "tail", 1_000_000, "commands that are being decided when the worker is killed")
	f.IntVar(&o.rounds, "rounds", 3, "restores of each kind, in turns")
	f.BoolVar(&o.peer, "peer", true, "restore Kafka Streams too (needs Java 17 and Maven)")
	f.StringVar(&o.profile, "profile", "", "`folder` for processor profiles of the last restores: zero.pprof and snapshots.pprof")
	f.BoolVar(&o.Verbose, "verbose", false, "show what the processes write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions, o.plan.Commands = int32(partitions), o.events+o.tail
	if o.profile != "" {
		var err error
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return o, err
		}
	}
	o.validate(f.Check)
	return o, f.Faults(o.plan.Validate())
}

// validate tells check of every fault.
func (o options) validate(check func(ok bool, format string, args ...any)) {
	check(o.events > 0, "--events: %d events leave nothing to restore", o.events)
	check(o.tail > 0, "--tail: %d commands are over before the worker can be killed", o.tail)
	check(o.since >= 0 && o.since < o.events, "--since-checkpoint: %d of %d events leave nothing for a checkpoint", o.since, o.events)
	check(o.history > 0, "--history: %v is no time", o.history)
	check(o.rounds > 0, "--rounds: %d rounds measure nothing", o.rounds)
	check(o.dedup == 0 || o.dedup >= time.Second, "--dedup-window: %v is shorter than a second", o.dedup)
}
