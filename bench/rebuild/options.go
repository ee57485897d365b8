package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"recount/bench/workload"
)

// options are what a person may choose.
type options struct {
	sizes   []int // events, a run each
	plan    workload.Plan
	live    int // events a second while the view is rebuilt
	queries int // a second
	lanes   int
	block   int
	out     string
	verbose bool
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var sizes string
	var partitions int
	f := flag.NewFlagSet("bench rebuild", flag.ContinueOnError)
	f.SetOutput(usage)
	f.StringVar(&sizes, "sizes", "10000000", "`events` to rebuild from, several separated by commas: a run each; the last is the result")
	f.IntVar(&o.plan.Accounts, "accounts", 100_000, "accounts they are of")
	f.IntVar(&partitions, "partitions", 6, "partitions of the topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the events")
	f.IntVar(&o.live, "live", 2_000, "events a second that keep coming during the second rebuild")
	f.IntVar(&o.queries, "queries", 10, "questions a second that analysts ask during it")
	f.IntVar(&o.lanes, "lanes", 0, "partitions read at a time; 0: the default")
	f.IntVar(&o.block, "block", 0, "offsets inserted at a time; 0: the default")
	f.StringVar(&o.out, "out", filepath.Join("bench", "results", "rebuild.json"), "`file` for the result")
	f.BoolVar(&o.verbose, "verbose", false, "show what the processes write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions = int32(partitions)
	var faults []error
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			faults = append(faults, fmt.Errorf("--sizes: %q is not a number of events", text))
		}
		o.sizes = append(o.sizes, n)
		o.plan.Commands = n
	}
	if len(f.Args()) > 0 {
		faults = append(faults, fmt.Errorf("%q: there are flags only", f.Args()))
	}
	if o.live < 1 || o.queries < 1 {
		faults = append(faults, errors.New("--live and --queries must be positive: without them there is nothing to notice"))
	}
	return o, errors.Join(append(faults, o.plan.Validate())...)
}
