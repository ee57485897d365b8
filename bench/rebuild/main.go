// Rebuild measures how fast views are rebuilt from the log, from offset zero until they have caught up, and what those
// who use them notice of it.
//
// It has a real Kafka of its own with a bank's events in it, and the embedded ClickHouse. The generation that is filled
// first is rebuilt once more beside projectors, events that keep coming, and analysts who keep asking; comparing the two
// checks the result, and is timed apart.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"recount/internal/embedded"
)

func main() {
	embedded.RunIfChild()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "bench rebuild: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench rebuild:", err)
		os.Exit(1)
	}
}

// run is the benchmark, or what is measured, in a process of its own.
func run(ctx context.Context, args []string) error {
	if len(args) == 3 && args[0] == subjectArgument {
		return runSubject(ctx, args[1], args[2])
	}
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}
