// Projectors keep the views in ClickHouse up to date with the log.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/projectors/parked"
)

func main() { os.Exit(cli.Main(context.Background(), program())) }

func program() *cobra.Command {
	return cli.Group("projectors", "Keep the views up to date", `
The projectors read events, refusals and dead letters, map them to rows, and insert each row exactly once into ClickHouse.
Start as many as you like: they share the partitions, and when one dies, another takes its share over.`, `
  projectors run --clickhouse http://clickhouse:8123
  projectors status
  projectors rebuild account_history
  projectors rollback account_history
  projectors parked list`,
		runCommand(), statusCommand(), rebuildCommand(), rollbackCommand(), generationsCommand(), dropCommand(), parked.Command(),
	)
}
