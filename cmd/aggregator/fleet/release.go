package fleet

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/worker/steer"
)

// releaseConfig is what aggregator release takes.
type releaseConfig struct{ config }

// Flags declares them.
func (c *releaseConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.context, "context", c.context, "`context` of the partition")
	c.serviceFlags(f)
}

// Validate returns every fault.
func (c *releaseConfig) Validate() error {
	if c.context == "" {
		return errors.Join(errors.New("--context: a partition belongs to one"), c.services.Validate())
	}
	return c.services.Validate()
}

func releaseCommand() *cobra.Command {
	c := &releaseConfig{config{services: cli.DefaultServices(), context: contextDefault}}
	return cli.Command{
		Use:   "release PARTITION",
		Short: "Let the group place a partition again that was moved",
		Long: `
Ends what aggregator move has ordered. The partition stays where it is for now; when workers come or go, it is placed like
any other.`,
		Example: `
  aggregator release 3`,
		Args:   cli.Takes("PARTITION"),
		Config: c,
		Run: func(ctx context.Context, in *cli.Process) error {
			p, err := partitionOf(in.Args[0])
			if err != nil {
				return err
			}
			return c.with(ctx, in, func(ctx context.Context, _ string, s steer.Steer) error {
				worker, err := s.Release(ctx, p)
				if err != nil {
					return err
				}
				w := console.New(in.Stdout)
				w.Line("partition %d is pinned to %s no longer", p, worker)
				return w.Err()
			})
		},
	}.Cobra()
}
