package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// restoreConfig is what aggregator restore is told.
type restoreConfig struct {
	cli.Services
	role.Aggregator
	role.Restore
}

// Flags declares them. Those of aggregator run that mean nothing here are not shown: a --config file may name them.
func (c *restoreConfig) Flags(f *cli.Flags) {
	c.Restore.Flags(f)
	c.Aggregator.Flags(f)
	c.Services.Flags(f)
	for _, unused := range []string{
		"instance", "sessions", "batch", "flush", "session-timeout", "transaction-timeout", "accept-lost-commands", "clickhouse", "database",
	} {
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// Validate returns every fault.
func (c *restoreConfig) Validate() error {
	return errors.Join(c.Restore.Validate(), c.Aggregator.Validate(), c.Services.Validate())
}

func restoreCommand() *cobra.Command {
	c := &restoreConfig{Services: cli.DefaultServices(), Aggregator: role.NewAggregator()}
	return cli.Command{
		Use: "restore", Short: "Fill the state of a stopped aggregator again from the log",
		Long: `
Throws the state of partitions in --state away and fills it again: from the newest snapshots and the events since their
checkpoint, or, with --from-zero or where the snapshots are of no use, from the first event on. Nobody else may use
--state meanwhile; whoever owns the partitions goes on undisturbed.

An aggregator that starts restores by itself what its disk lacks. This command is for doing it beforehand, such as on a
new disk, and for not trusting what is there. Stopped in the middle, it leaves nothing that is wrong: the next
aggregator run, or restore, goes on.`,
		Example: `
  aggregator restore --state /var/lib/recount
  aggregator restore --from-zero
  aggregator restore --context bank --partition 3 --partition 7`,
		Config: c,
		Run: func(ctx context.Context, in *cli.Process) error {
			return role.With(ctx, in, c.Services, func(ctx context.Context, f *role.Foundation) error {
				return c.Restore.Run(ctx, f, in, c.Aggregator)
			})
		},
	}.Cobra()
}
