package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// runConfig is what aggregator run is told.
type runConfig struct {
	role.Process
	role.Aggregator
}

// Flags declares them.
func (c *runConfig) Flags(f *cli.Flags) {
	c.Aggregator.Flags(f)
	c.Process.Flags(f)
}

// Validate returns every fault.
func (c *runConfig) Validate() error {
	return errors.Join(c.Aggregator.Validate(), c.Process.Validate())
}

func runCommand() *cobra.Command {
	cfg := &runConfig{role.NewProcess(role.AggregatorTelemetry), role.NewAggregator()}
	return cli.Command{
		Use: "run", Short: "Decide commands until told to stop",
		Long: `
Decides commands until told to stop (Ctrl-C, SIGTERM); then it finishes its batch, writes its state and passes its
partitions on at once.

The state in --state is a copy of what the log says, and may be thrown away: the next start folds it again, which takes
longer. It belongs to one worker, and so does the worker's name in it: keep the folder with the worker.

It is ready (/readyz) when it has caught up with every partition it was given.`,
		Example: `
  aggregator run
  aggregator run --state /var/lib/recount --context bank --sessions 2
  RECOUNT_KAFKA=broker:9092 aggregator run --config /etc/recount.yaml`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return cfg.Process.Run(ctx, p, role.Of(cfg.Aggregator.Open))
		},
	}.Cobra()
}
