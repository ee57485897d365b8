// Command recount runs every role in one process on embedded services, and is the operator's tool.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/archive"
	"recount/cmd/recount/console"
	"recount/cmd/recount/demo"
	"recount/cmd/recount/status"
	"recount/cmd/recount/up"
	"recount/cmd/recount/verify"
	"recount/cmd/recount/wait"
	"recount/internal/embedded"
)

func main() {
	embedded.RunIfChild() // the embedded ClickHouse is this program once more
	// recount demo | head closes our output early: that is an error like any other, after which everything is put away.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(cli.Main(context.Background(), command()))
}

func command() *cobra.Command {
	return cli.Group("recount", "Event sourcing on Kafka and ClickHouse, in one process",
		"recount runs the whole pipeline on this machine: commands in over HTTP or Kafka, events in Kafka, reports in ClickHouse.",
		`
  recount demo                     play a bank's month and a shop's day, check the books, and exit
  recount up                       run everything until Ctrl-C
  recount up --only clickhouse     run one of the embedded services alone
  recount status                   say how everything stands, and what needs somebody
  recount console                  show everything in a browser
  recount wait                     wait until a view has what was written
  recount verify                   show that no event was altered, removed or put in
  recount export archive           keep all events in files
  recount import archive           bring them into an empty cluster`,
		up.Command(), demo.Command(), status.Command(), console.Command(), wait.Command(), verify.Command(),
		archive.ExportCommand(), archive.ImportCommand())
}
