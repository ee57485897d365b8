// Latency measures how long it takes from when a command is due to be sent until its event is committed, at a steady
// rate: Recount's aggregator with one and with two sessions beside Kafka Streams, on a broker that is set up as Recount
// recommends and on one as Kafka ships.
//
// Commands are sent when they are due, whatever became of those before: a slow answer costs all that come due meanwhile.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	benchsubject "recount/bench/subject"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench latency: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench latency:", err)
		os.Exit(1)
	}
}

// run is the benchmark, or the aggregator in a process of its own.
func run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == contenderArgument {
		if len(args) != 2 {
			return errors.New(contenderArgument + " is not for people to call")
		}
		var c benchsubject.Config
		if err := json.Unmarshal([]byte(args[1]), &c); err != nil {
			return err
		}
		return c.Run(ctx)
	}
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}

// options are what a person may choose.
type options struct {
	rate, accounts, partitions int
	warmUp, measured           time.Duration
	only                       string
	out                        string
	verbose                    bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("bench latency", flag.ContinueOnError)
	f.SetOutput(usage)
	f.IntVar(&o.rate, "rate", 5000, "commands a second")
	f.IntVar(&o.accounts, "accounts", 5000, "accounts they go to")
	f.IntVar(&o.partitions, "partitions", 6, "partitions of every topic")
	f.DurationVar(&o.warmUp, "warm-up", 15*time.Second, "`time` at the start of a run that does not count")
	f.DurationVar(&o.measured, "time", 30*time.Second, "`time` of a run that counts")
	f.StringVar(&o.only, "only", "", "runs to make, separated by commas; empty: all ("+strings.Join(names(), ", ")+")")
	f.StringVar(&o.out, "out", filepath.Join("bench", "results", "latency.json"), "`file` for the result")
	f.BoolVar(&o.verbose, "verbose", false, "show what the contenders write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	return o, o.validate(f.Args())
}

// validate returns every fault.
func (o options) validate(rest []string) error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(len(rest) == 0, "%q: there are flags only", rest)
	check(o.rate > 0, "--rate: %d commands a second measure nothing", o.rate)
	check(o.accounts > 0 && o.partitions > 0, "--accounts and --partitions must be positive")
	check(o.warmUp >= time.Second && o.measured >= time.Second, "--warm-up and --time: a second at least")
	for _, name := range o.chosen() {
		check(slices.Contains(names(), name), "--only: there is no run %q; there are: %s", name, strings.Join(names(), ", "))
	}
	return errors.Join(faults...)
}

func (o options) chosen() []string {
	if o.only == "" {
		return names()
	}
	return strings.Split(o.only, ",")
}

func (o options) commands() int {
	return o.first() + int(o.measured.Seconds()*float64(o.rate))
}

// first is the number of the first command that counts.
func (o options) first() int { return int(o.warmUp.Seconds() * float64(o.rate)) }
