// Saga carries out what takes several aggregates: it sends their commands, takes their answers in, and undoes what came
// to nothing.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(context.Background(), program())) }

func program() *cobra.Command {
	return cli.Group("saga", "Carry out what takes several aggregates", `
A saga moves money between two accounts, or an order through payment and shipping: one step after another, each a command to
an aggregate. When a step is refused, or a deadline passes, it undoes the steps before, in reverse. Start as many as you
like: they share the partitions, and when one dies, another takes its share over.`, `
  saga run --state /var/lib/recount-saga
  saga list --stuck
  saga show money_transfer t-1
  saga retry money_transfer t-1 --reason "account reopened"
  saga compensate money_transfer t-1
  saga diagram money_transfer`,
		runCommand(), listCommand(), showCommand(), orderCommand(retry()), orderCommand(compensate()), diagramCommand(),
	)
}
