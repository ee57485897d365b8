// Asof measures how long questions about time take: what one account held at a moment, and what every account held, by
// all that is known today and by what had been recorded at another moment.
//
// The history has the tables and the columns that the projectors fill, and is inserted as they insert it. Beside it
// stands the plainest table that can answer, with the plainest SQL, on the same data in the same run. Every answer that
// is timed is compared with a fold of the same entries in Go.
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
		fmt.Fprintln(os.Stderr, "bench asof: stopped before the end; no result was written")
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench asof:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	o, err := parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return bench(ctx, o, os.Stdout, os.Stderr)
}
