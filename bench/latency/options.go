package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"recount/bench/frame"
)

// options are what a person may choose.
type options struct {
	frame.Output
	rate, accounts, partitions int
	warmUp, measured           time.Duration
	only                       string
	profile                    string
}

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := frame.NewFlags("latency", usage, &o.Output)
	f.IntVar(&o.rate, "rate", 5000, "commands a second")
	f.IntVar(&o.accounts, "accounts", 5000, "accounts they go to")
	f.IntVar(&o.partitions, "partitions", 6, "partitions of every topic")
	f.DurationVar(&o.warmUp, "warm-up", 15*time.Second, "`time` at the start of a run that does not count")
	f.DurationVar(&o.measured, "time", 30*time.Second, "`time` of a run that counts")
	f.StringVar(&o.only, "only", "", "runs to make, separated by commas; empty: all ("+strings.Join(names(), ", ")+")")
	f.StringVar(&o.profile, "profile", "", "`folder` for processor profiles of Recount's processes; empty: none")
	f.BoolVar(&o.Verbose, "verbose", false, "show what the contenders write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.validate(f.Check)
	return o, f.Faults()
}

// validate tells check of every fault.
func (o options) validate(check func(ok bool, format string, args ...any)) {
	check(o.rate > 0, "--rate: %d commands a second measure nothing", o.rate)
	check(o.accounts > 0 && o.partitions > 0, "--accounts and --partitions must be positive")
	check(o.warmUp >= time.Second && o.measured >= time.Second, "--warm-up and --time: a second at least")
	for _, name := range o.chosen() {
		check(slices.Contains(names(), name), "--only: there is no run %q; there are: %s", name, strings.Join(names(), ", "))
	}
}

// profileOf is the folder for one process's profiles.
func (o options) profileOf(name string) string {
	if o.profile == "" {
		return ""
	}
	return filepath.Join(o.profile, name)
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
