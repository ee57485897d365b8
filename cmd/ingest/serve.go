package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
)

// serveConfig is what ingest serve is told.
type serveConfig struct {
	role.Process
	role.Ingest
}

// Flags declares them.
func (c *serveConfig) Flags(f *cli.Flags) {
	c.Ingest.Flags(f)
	c.Process.Flags(f)
}

// Validate returns every fault.
func (c *serveConfig) Validate() error {
	return errors.Join(c.Ingest.Validate(), c.Process.Validate())
}

func serveCommand() *cobra.Command {
	cfg := &serveConfig{role.NewProcess(role.IngestTelemetry), role.NewIngest()}
	return cli.Command{
		Use: "serve", Short: "Take commands over HTTP until told to stop",
		Long: `
Takes commands over HTTP until told to stop (Ctrl-C, SIGTERM); then it finishes the requests it has begun. The API is
described at /openapi.json.

A request is answered with 202 as soon as the brokers have the command, or, with "Prefer: wait=5", with its outcome.
Without --tokens only this machine is served. A token file has a line name:SHA-256 for each token; the name becomes the
actor of its commands:

  TOKEN=$(openssl rand -hex 32); echo "alice:$(printf %s "$TOKEN" | sha256sum | cut -d' ' -f1)" >> tokens

With --policy a name may send what its line says, and who has no line nothing. "*" is any context, aggregate or command:

  teller:    bank/account/deposit bank/account/withdraw
  warehouse: shop/inventory/* shop/shipment/*
  auditor:

Everybody with a token may ask what became of a command, and wait for views.

A token is worth what the line is worth that it is sent over: with --http-cert and --http-key that is HTTPS.`,
		Example: `
  ingest serve
  ingest serve --http-addr 0.0.0.0:8080 --tokens /etc/recount/tokens --policy /etc/recount/policy
  ingest serve --http-addr 0.0.0.0:8443 --tokens /etc/recount/tokens --http-cert /etc/recount/cert.pem --http-key /etc/recount/key.pem

  curl --json '{"customer_id":"ada","currency":"EUR"}' -H 'Prefer: wait=5' http://127.0.0.1:8080/v1/bank/account/acct-1/open`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return cfg.Process.Run(ctx, p, role.Of(cfg.Ingest.Open))
		},
	}.Cobra()
}
