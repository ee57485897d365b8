package fleet

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/worker/steer"
)

// drainConfig is what aggregator drain takes.
type drainConfig struct {
	config
	waiting
	undo bool
}

// Flags declares them.
func (c *drainConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.undo, "undo", c.undo, "let the worker own partitions again")
	f.StringVar(&c.context, "context", c.context, "`context` whose partitions are to leave; empty: all")
	c.waiting.flags(f)
	c.serviceFlags(f)
}

// Validate returns every fault.
func (c *drainConfig) Validate() error { return errors.Join(c.validate(), c.services.Validate()) }

func drainCommand() *cobra.Command {
	c := &drainConfig{config: config{services: cli.DefaultServices()}, waiting: waiting{waitDefault}}
	return cli.Command{
		Use:   "drain WORKER",
		Short: "Have all partitions leave a worker, one after the other",
		Long: `
Moves each of the worker's partitions to another worker that has been made warm for it, one after the other, so that each
stands still for less than a second. The worker runs on and owns nothing, also after a restart, until --undo.

Before stopping a worker this is not needed: told to stop, it passes its partitions on at once, to whoever is warm.`,
		Example: `
  aggregator drain aggregator-x7k2m4qp
  aggregator drain worker-2 --wait 30m
  aggregator drain worker-2 --undo`,
		Args:   cli.Takes("WORKER"),
		Config: c,
		Run:    c.run,
	}.Cobra()
}

func (c *drainConfig) run(ctx context.Context, in *cli.Process) error {
	ctx, cancel := c.within(ctx)
	defer cancel()
	w := console.New(in.Stdout)
	var elsewhere []error // the contexts that the worker is not in, where none was asked for
	found := false
	err := c.with(ctx, in, func(ctx context.Context, name string, s steer.Steer) error {
		order := c.drain
		if c.undo {
			order = undrain
		}
		err := order(ctx, in, w, name, s)
		if c.context == "" && (errors.Is(err, steer.ErrNoWorker) || errors.Is(err, steer.ErrNotDrained)) {
			elsewhere = append(elsewhere, fmt.Errorf("%s: %w", name, err))
			return nil
		}
		found = true
		return err
	})
	if err == nil && !found {
		err = errors.Join(elsewhere...)
	}
	return errors.Join(err, w.Err())
}

func undrain(ctx context.Context, in *cli.Process, w *console.Writer, name string, s steer.Steer) error {
	if err := s.Undrain(ctx, in.Args[0]); err != nil {
		return err
	}
	w.Line("%s: %s may own partitions again; the group gives it its share now", name, in.Args[0])
	return nil
}

func (c *drainConfig) drain(ctx context.Context, in *cli.Process, w *console.Writer, name string, s steer.Steer) error {
	status := console.NewStatus(in.Stderr)
	defer status.End()
	worker := in.Args[0]
	err := s.Drain(ctx, worker, progress(status), func(m steer.Moved, left int) {
		status.End()
		tellMove(w, m)
		status.Say("%d partitions of %s are left", left, name)
	})
	if err != nil {
		return err
	}
	w.Line("%s: %s owns nothing and will own nothing; aggregator drain %s --undo ends that", name, worker, worker)
	return nil
}
