// Aggregator measures how many commands a second the aggregator decides, exactly once and with everything on, beside
// Kafka Streams doing the same work and a bare loop that does none.
//
// Every run has a real Kafka of its own, started here, and the same stream of commands in it. What a contender wrote is
// checked, account by account, before its time counts.
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
		fmt.Fprintln(os.Stderr, "bench aggregator: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench aggregator:", err)
		os.Exit(1)
	}
}

// run is the benchmark, or one of its contenders in a process of its own.
func run(ctx context.Context, args []string) error {
	if len(args) > 1 && args[0] == contenderArgument {
		return runContender(ctx, args[1], args[2:])
	}
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}
