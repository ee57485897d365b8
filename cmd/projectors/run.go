package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// runConfig is what projectors run is told.
type runConfig struct {
	role.Process
	role.Projectors
}

// Flags declares them.
func (c *runConfig) Flags(f *cli.Flags) {
	c.Projectors.Flags(f)
	c.Process.Flags(f)
}

// Validate returns every fault.
func (c *runConfig) Validate() error {
	return errors.Join(c.Projectors.Validate(), c.Process.Validate())
}

func runCommand() *cobra.Command {
	cfg := &runConfig{role.NewProcess(role.ProjectorsTelemetry), role.NewProjectors()}
	return cli.Command{
		Use: "run", Short: "Keep the views up to date until told to stop",
		Long: `
Keeps the views up to date until told to stop (Ctrl-C, SIGTERM); then it finishes the ranges it has begun. What is missing
in ClickHouse is made: the database, Recount's own tables, and the first generation of every view.

An event that a view can't map parks its aggregate for that view, and everything else flows (projectors parked). A view that
can't go on stops alone and says which record it waits at; the others go on. It is ready (/readyz) when every
view has reached what the log held when this process took its partitions over.`,
		Example: `
  projectors run
  projectors run --clickhouse tcp://recount:secret@clickhouse:9000 --database reports
  projectors run --view account_balances,account_history`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return cfg.Process.Run(ctx, p, role.Of(cfg.Projectors.Open))
		},
	}.Cobra()
}
