package fleet

import (
	"context"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/worker/steer"
)

// partitionsConfig is what aggregator partitions takes.
type partitionsConfig struct {
	config
	json bool
}

// Flags declares them.
func (c *partitionsConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.context, "context", c.context, "`context` to show; empty: all")
	f.BoolVar(&c.json, "json", c.json, "answer as JSON")
	c.serviceFlags(f)
}

// Validate returns every fault.
func (c *partitionsConfig) Validate() error { return c.services.Validate() }

func partitionsCommand() *cobra.Command {
	c := &partitionsConfig{config: config{services: cli.DefaultServices()}}
	return cli.Command{
		Use:   "partitions",
		Short: "Show who owns which partition, how warm the others are, and how far behind",
		Long: `
Shows, for every partition, which worker decides its commands, how many commands wait, and which other workers have its
state at hand: how many events each is behind. A worker that is a few events behind takes over within moments; one that
has nothing reads the partition's snapshots first.

Nobody but Kafka is asked, so it works whichever workers run, and wherever.`,
		Example: `
  aggregator partitions
  aggregator partitions --context bank --json`,
		Config: c,
		Run:    c.run,
	}.Cobra()
}

func (c *partitionsConfig) run(ctx context.Context, in *cli.Process) error {
	var all []report
	err := c.with(ctx, in, func(ctx context.Context, name string, s steer.Steer) error {
		standing, err := s.Look(ctx)
		if err != nil {
			return err
		}
		waiting, err := s.Waiting(ctx)
		all = append(all, reportOf(name, standing, waiting))
		return err
	})
	if err != nil {
		return err
	}
	if c.json {
		return console.JSON(in.Stdout, all)
	}
	w := console.New(in.Stdout)
	for _, r := range all {
		r.render(w)
	}
	return w.Err()
}
