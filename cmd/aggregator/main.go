// Aggregator decides commands: it reads them, keeps the state of every aggregate, and writes events.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"recount/cmd/aggregator/fleet"
	"recount/cmd/aggregator/timeline"
	"recount/cmd/aggregator/transactions"
	"recount/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), program())) }

func program() *cobra.Command {
	return cli.Group("aggregator", "Decide commands", `
The aggregator reads the commands of every context, decides each against the state of its aggregate, and writes what
follows in one Kafka transaction: events, refusals, and its place in the commands. Start as many as you like: they share
the partitions, and when one dies, another takes its share over.`, `
  aggregator run --state /var/lib/recount
  aggregator run --kafka broker-1:9092,broker-2:9092 --registry http://registry:8081 --sessions 2
  aggregator inspect account acct-1 --diff 3..7
  aggregator partitions
  aggregator move 3 --to worker-2
  aggregator restore --state /var/lib/recount
  aggregator transactions`,
		append(fleet.Commands(), runCommand(), restoreCommand(), timeline.Command(), transactions.ListCommand(), transactions.EndCommand())...,
	)
}
