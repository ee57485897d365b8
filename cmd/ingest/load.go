package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// loadConfig is what ingest load is told.
type loadConfig struct {
	cli.Services
	role.Load
}

// Flags declares them.
func (c *loadConfig) Flags(f *cli.Flags) {
	c.Load.Flags(f)
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *loadConfig) Validate() error { return errors.Join(c.Load.Validate(), c.Services.Validate()) }

func loadCommand() *cobra.Command {
	cfg := &loadConfig{Services: cli.DefaultServices()}
	return cli.Command{
		Use: "load FILE", Short: "Publish the commands of a file", Args: cli.Takes("FILE"),
		Long: `
Publishes the commands of a file, one a line (NDJSON), packed with gzip or zstd or not at all; - reads the standard
input. A line is

  {"type":"bank.account.deposit","id":"acct-1","command_id":"d-17","data":{"amount":1999,"currency":"EUR","reference":"rent"}}

with expected_version and valid_at if need be. Bad lines go to FILE.rejected.ndjson with their number and the reason; the
others are published, and the exit code is 1. Loading a file twice is safe: the same lines are the same commands.`,
		Example: `
  ingest load commands.ndjson
  zcat commands.gz | ingest load - --source commands`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return role.With(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error {
				_, err := cfg.Load.Run(ctx, f, p, p.Args[0])
				return err
			})
		},
	}.Cobra()
}
