// Restore measures how long a worker takes to know its partitions again: with an empty disk, from zero and from
// snapshots, beside Kafka Streams restoring the same state from its changelog; and killed, with its disk intact.
//
// It runs on a real Kafka, started here. Events, and what each store holds after it was restored, are checked account by
// account before a time counts.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench restore: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench restore:", err)
		os.Exit(1)
	}
}

// run is the benchmark, or the aggregator in a process of its own.
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
