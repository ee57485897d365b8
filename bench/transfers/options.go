package main

import (
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
)

// The kinds of laps, in their order in a round.
const (
	throughput = "throughput" // as many as can be carried out
	latency    = "latency"    // at a steady rate
)

// options are what a person may choose.
type options struct {
	frame.Output
	rounds     int
	only       string
	broker     string
	accounts   int
	partitions int
	seed       uint64
	profile    string

	transfers, first, inFlight int // for throughput; the first do not count

	rate             int // transfers a second for latency
	warmUp, measured time.Duration

	sessions, sagaSessions, batch int
}

// warmUpShare of the transfers does not count.
const warmUpShare = 4

func parse(args []string, usage io.Writer) (options, error) {
	var o options
	f := frame.NewFlags("transfers", usage, &o.Output)
	f.IntVar(&o.rounds, "rounds", 3, "rounds, each on a fresh broker")
	f.StringVar(&o.only, "only", "", "what to measure; empty: both ("+throughput+", "+latency+")")
	f.StringVar(&o.broker, "broker", string(broker.Tuned), "transaction settings of the broker: tuned (as recommended) or shipped (as Kafka ships)")
	f.IntVar(&o.accounts, "accounts", 10_000, "accounts between which money is moved")
	f.IntVar(&o.partitions, "partitions", 6, "partitions of every topic")
	f.Uint64Var(&o.seed, "seed", 1, "seed of the transfers")
	f.IntVar(&o.transfers, "transfers", 150_000, "transfers for throughput, of which the first quarter does not count")
	f.IntVar(&o.inFlight, "in-flight", 20_000, "transfers for throughput that may be under way at a time")
	f.IntVar(&o.rate, "rate", 500, "transfers a second for latency")
	f.DurationVar(&o.warmUp, "warm-up", 45*time.Second, "`time` at the start of that which does not count")
	f.DurationVar(&o.measured, "time", 20*time.Second, "`time` of it that counts")
	f.IntVar(&o.sessions, "sessions", 0, "sessions of the aggregator; 0: its default")
	f.IntVar(&o.sagaSessions, "saga-sessions", 0, "sessions of the saga's worker; 0: its default")
	f.IntVar(&o.batch, "batch", 0, "inputs of one transaction at most, for both; 0: their default")
	f.StringVar(&o.profile, "profile", "", "`folder` for profiles of both roles in the last round")
	f.BoolVar(&o.Verbose, "verbose", false, "show what the roles write")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if o.profile != "" { // the roles run in folders of their own
		var err error
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return o, err
		}
	}
	o.first = o.transfers / warmUpShare
	o.validate(f.Check)
	return o, f.Faults()
}

// validate tells check of every fault.
func (o options) validate(check func(ok bool, format string, args ...any)) {
	check(o.rounds > 0, "--rounds: %d rounds measure nothing", o.rounds)
	check(o.accounts > 1 && o.accounts <= accountsMax, "--accounts: %d: there must be 2 to %d", o.accounts, accountsMax)
	check(o.partitions > 0, "--partitions: there must be at least one")
	check(o.transfers >= warmUpShare && o.transfers <= transfersMax, "--transfers: %d: there must be %d to %d", o.transfers, warmUpShare, transfersMax)
	check(o.inFlight > 0, "--in-flight: with %d under way nothing is", o.inFlight)
	check(o.rate > 0, "--rate: %d transfers a second measure nothing", o.rate)
	check(o.warmUp >= time.Second && o.measured >= time.Second, "--warm-up and --time: a second at least")
	check(o.sessions >= 0 && o.sagaSessions >= 0 && o.batch >= 0, "--sessions, --saga-sessions and --batch must not be negative")
	check(slices.Contains([]broker.Variant{broker.Tuned, broker.Shipped}, broker.Variant(o.broker)), "--broker: %q is neither %s nor %s", o.broker, broker.Tuned, broker.Shipped)
	for _, kind := range o.chosen() {
		check(slices.Contains(kinds(), kind), "--only: nothing is called %q; there are: %s", kind, strings.Join(kinds(), ", "))
	}
}

func kinds() []string { return []string{throughput, latency} }

// chosen are the kinds of runs to make.
func (o options) chosen() []string {
	if o.only == "" {
		return kinds()
	}
	return strings.Split(o.only, ",")
}

// paced is how many transfers there are for latency, and how many of them do not count.
func (o options) paced() (transfers, first int) {
	first = int(o.warmUp.Seconds() * float64(o.rate))
	return first + int(o.measured.Seconds()*float64(o.rate)), first
}

// profileOf is the folder for one role's profiles.
func (o options) profileOf(role string) string {
	if o.profile == "" {
		return ""
	}
	return filepath.Join(o.profile, role)
}
