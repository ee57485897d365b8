package main

import (
	"io"
	"strconv"
	"strings"

	"recount/bench/frame"
	"recount/bench/workload"
	"recount/internal/nice"
)

// options are what a person may choose.
type options struct {
	frame.Output
	sizes   []int // events, a run each
	plan    workload.Plan
	live    int // events a second while the view is rebuilt
	queries int // a second
	lanes   int
	block   int
	nice    int
	profile string
	alone   bool // leave out the part beside projectors and analysts
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	var sizes string
	var partitions int
	f := frame.NewFlags("rebuild", usage, &o.Output)
	f.StringVar(&sizes, "sizes", "10000000", "`events` to rebuild from, several separated by commas: a run each; the last is the result")
	f.IntVar(&o.plan.Accounts, "accounts", 100_000, "accounts they are of")
	f.IntVar(&partitions, "partitions", 6, "partitions of the topic")
	f.Uint64Var(&o.plan.Seed, "seed", 1, "seed of the events")
	f.IntVar(&o.live, "live", 2_000, "events a second that keep coming during the second rebuild")
	f.IntVar(&o.queries, "queries", 10, "questions a second that analysts ask during it")
	f.IntVar(&o.lanes, "lanes", 0, "partitions read at a time; 0: the default")
	f.IntVar(&o.block, "block", 0, "offsets inserted at a time; 0: the default")
	f.IntVar(&o.nice, "nice", nice.Background, "nice `value` of the rebuilding process")
	f.BoolVar(&o.alone, "alone", false, "leave out the rebuild beside projectors, live events and analysts")
	f.StringVar(&o.profile, "profile", "", "`file` for the processor profile of the rebuild that was made last; empty: none")
	f.BoolVar(&o.Verbose, "verbose", false, "show what the processes write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.plan.Partitions = int32(partitions)
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		f.Check(err == nil && n > 0, "--sizes: %q is not a number of events", text)
		o.sizes = append(o.sizes, n)
		o.plan.Commands = n
	}
	f.Check(o.live > 0 && o.queries > 0, "--live and --queries must be positive: without them there is nothing to notice")
	return o, f.Faults(o.plan.Validate(), nice.Check(o.nice))
}
