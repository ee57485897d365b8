// Ingest takes commands from outside, over HTTP and from files, checks them against their schemas and publishes them.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), program())) }

func program() *cobra.Command {
	return cli.Group("ingest", "Take commands", `
Ingest is where commands enter: over HTTP, one a request, or from a file, one a line. Each is checked against its schema
and published to its aggregate's partition. Whether it is accepted is for the aggregator to decide.`, `
  ingest serve --http-addr 127.0.0.1:8080
  ingest load commands.ndjson.gz`,
		serveCommand(), loadCommand(),
	)
}
