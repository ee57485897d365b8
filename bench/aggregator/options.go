package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"recount/bench/broker"
	"recount/bench/frame"
	streamspeer "recount/bench/streams-peer"
	"recount/bench/workload"
)

// options are what a person may choose.
type options struct {
	frame.Output
	plan    workload.Plan
	rounds  int
	warmUp  int // commands; 0: a quarter
	only    string
	broker  string
	profile string

	sessions, batch int
	peer            settingsFlag
}

// warmUpShare of the commands is discarded where nobody says otherwise.
const warmUpShare = 4

// sessionsBest got the most done on two cores, of one to three: 248,000, 285,000 and 260,000 commands a second, one run of
// four million each. The peer has the best settings that were found for it as well.
const sessionsBest = 2

func parse(args []string, usage io.Writer) (options, error) {
	o := options{peer: settingsFlag{}}
	var partitions int
	f := frame.NewFlags("aggregator", usage, &o.Output)
	f.IntVar(&o.plan.Commands, "commands", 8_000_000, "commands of a run")
	f.IntVar(&o.plan.Accounts, "accounts", 100_000, "accounts they go to")
	f.IntVar(&partitions, "partitions", 6, "partitions of every topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the stream")
	f.IntVar(&o.rounds, "rounds", 3, "runs of each contender, in turns")
	f.IntVar(&o.warmUp, "warm-up", 0, "commands at the start of a run that do not count; 0: a quarter of them")
	f.StringVar(&o.only, "only", "", "contenders to run, separated by commas; empty: all ("+strings.Join(names(), ", ")+")")
	f.StringVar(&o.broker, "broker", string(broker.Tuned), "transaction settings of the broker: tuned (as recommended) or shipped (as Kafka ships)")
	f.IntVar(&o.sessions, "sessions", sessionsBest, "sessions of the aggregator; 0: its default")
	f.IntVar(&o.batch, "batch", 0, "commands of one of its transactions at most; 0: its default")
	f.Var(o.peer, "peer-set", "`setting=value` of Kafka Streams to try in its tuned runs; may be repeated")
	f.StringVar(&o.profile, "profile", "", "`folder` for profiles of the aggregator's last run: cpu.pprof and allocs.pprof")
	f.BoolVar(&o.Verbose, "verbose", false, "show what the contenders write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions = int32(partitions)
	if o.profile != "" { // the aggregator runs in a folder of its own
		var err error
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return o, err
		}
	}
	if o.warmUp == 0 {
		o.warmUp = max(1, o.plan.Commands/warmUpShare)
	}
	o.validate(f.Check)
	return o, f.Faults(o.plan.Validate())
}

// validate tells check of every fault.
func (o options) validate(check func(ok bool, format string, args ...any)) {
	check(o.rounds > 0, "--rounds: %d rounds measure nothing", o.rounds)
	check(o.warmUp > 0 && o.warmUp < o.plan.Commands, "--warm-up: %d of %d commands leave nothing to measure", o.warmUp, o.plan.Commands)
	check(o.sessions >= 0 && o.batch >= 0, "--sessions and --batch must not be negative")
	check(slices.Contains([]broker.Variant{broker.Tuned, broker.Shipped}, broker.Variant(o.broker)), "--broker: %q is neither %s nor %s", o.broker, broker.Tuned, broker.Shipped)
	for _, name := range o.chosen() {
		check(slices.Contains(names(), name), "--only: there is no contender %q; there are: %s", name, strings.Join(names(), ", "))
	}
}

// chosen are the names of the contenders to run.
func (o options) chosen() []string {
	if o.only == "" {
		return names()
	}
	return strings.Split(o.only, ",")
}

// settingsFlag collects setting=value.
type settingsFlag streamspeer.Settings

func (s settingsFlag) String() string { return streamspeer.Settings(s).String() }

func (s settingsFlag) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("%q is not setting=value", text)
	}
	s[key] = value
	return nil
}
