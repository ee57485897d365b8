package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// runConfig is what saga run is told.
type runConfig struct {
	role.Process
	role.Saga
}

// Flags declares them.
func (c *runConfig) Flags(f *cli.Flags) {
	c.Saga.Flags(f)
	c.Process.Flags(f)
}

// Validate returns every fault.
func (c *runConfig) Validate() error {
	return errors.Join(c.Saga.Validate(), c.Process.Validate())
}

func runCommand() *cobra.Command {
	cfg := &runConfig{role.NewProcess(role.SagaTelemetry), role.NewSaga()}
	return cli.Command{
		Use: "run", Short: "Carry out sagas until told to stop",
		Long: `
Carries out the sagas of every context until told to stop (Ctrl-C, SIGTERM); then it finishes its batch, writes its state and
passes its partitions on at once.

Its worker is the aggregator's, and takes the same flags: what a process waits for (answers, events, timers, orders) stands in
the place of commands. The state in --state is a copy of what the log says, and may be thrown away: nothing is sent again
when it is folded anew. A saga that is started for the first time begins with the first event in the log.

It is ready (/readyz) when it has caught up with every partition it was given.`,
		Example: `
  saga run
  saga run --state /var/lib/recount-saga --context bank
  RECOUNT_KAFKA=broker:9092 saga run --config /etc/recount.yaml`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return cfg.Process.Run(ctx, p, role.Of(cfg.Saga.Open))
		},
	}.Cobra()
}
