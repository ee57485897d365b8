// Package demo is recount demo: a made-up bank's month and a shop's day go through the whole pipeline, and the books are
// checked.
//
// The commands take the way that any bulk load takes, and every number about the books is computed in ClickHouse by the
// SQL files beside the code. The demo itself holds nothing back: what it knows of the bank is how to ask, and what it
// knows of the shop besides is what it was asked by it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"recount/cmd/internal/bankday"
	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/recount/pipeline"
	"recount/cmd/recount/up"
)

// config is what recount demo takes.
type config struct {
	pipeline pipeline.Config
	commands int
	orders   int
	seed     uint64
	json     string
	keep     bool
	warned   lastWarning
}

const (
	commandsDefault = 200_000
	commandsMin     = 100 // of fewer, the checks would have hardly anything to check
	commandsMax     = 50_000_000
	ordersDefault   = 1_000
	ordersMin       = 100
	ordersMax       = 1_000_000
)

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.IntVar(&c.commands, "commands", c.commands, "`number` of commands of the bank's month")
	f.IntVar(&c.orders, "orders", c.orders, "`number` of orders of the shop's day; a fifth as many transfers go with them")
	f.Uint64Var(&c.seed, "seed", c.seed, "`number` that decides what happens: the same gives the same books")
	f.StringVar(&c.json, "json", c.json, "`file` for the report as JSON too; - for the standard output, instead of the tables")
	f.BoolVar(&c.keep, "keep", c.keep, "stay up afterwards, until Ctrl-C")
	f.StringVar(&c.pipeline.DataDir, "data", "", "`folder` for everything that is kept; default: a temporary one, removed at the end")
	c.pipeline.Flags(f)
}

// Validate returns every fault.
func (c *config) Validate() error {
	faults := []error{c.pipeline.Validate()}
	if c.commands < commandsMin || c.commands > commandsMax {
		faults = append(faults, fmt.Errorf("--commands: %d is not between %d and %d", c.commands, commandsMin, commandsMax))
	}
	if c.orders < ordersMin || c.orders > ordersMax {
		faults = append(faults, fmt.Errorf("--orders: %d is not between %d and %d", c.orders, ordersMin, ordersMax))
	}
	return errors.Join(faults...)
}

// Command returns recount demo.
func Command() *cobra.Command {
	c := &config{pipeline: pipeline.NewConfig(pipeline.Ports{}), commands: commandsDefault, orders: ordersDefault, seed: 1}
	cmd := cli.Command{
		Use:   "demo",
		Short: "Play a bank's month and a shop's day through the whole pipeline, check the books, and exit",
		Long: `
Starts everything as recount up does, on free ports, and loads a made-up month of a bank: retries with the same command
ID, stale expected versions, back-dated entries, overdrafts and other mistakes included. Then it plays a shop's day, hour
by hour: orders of several articles, some of which run out, payments that are declined or never answered for, or that come
from accounts of the bank, customers who think better of it, parcels that do not leave, returns and their refunds; and
transfers between accounts, some of which have to be taken back. Sagas carry all of them out.

When every view has caught up with the log, it prints the rates, the refusals by code, the richest accounts, an account's
statement and its balance at three moments; how the orders ended, what one of them went through, stock, revenue by day and
month, what became of the transfers, and the sagas that are stuck; and it checks the books. All of that is computed in
ClickHouse.

The exit code is 1 if a check does not hold.`,
		Example: `
  recount demo
  recount demo --commands 20000 --orders 200 --seed 7 --json report.json
  recount demo --keep --http-port 8080 --clickhouse-port 8123
  recount demo --data books && recount up --data books`,
		Config: c,
		Run:    c.run,
	}.Cobra()
	up.Quiet(cmd)
	return cmd
}

func (c *config) run(ctx context.Context, in *cli.Process) (err error) {
	if err := c.checkJSON(); err != nil {
		return cli.Usage(err)
	}
	c.pipeline.Log = c.warned.beside(in.Log)
	c.pipeline.Progress = func(message string) { fmt.Fprintln(in.Stderr, message) } //nolint:errcheck // nobody reads on
	if c.pipeline.DataDir == "" {
		if c.pipeline.DataDir, err = os.MkdirTemp("", "recount-demo-"); err != nil {
			return fmt.Errorf("making a folder for the demo's data: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.pipeline.DataDir)) }()
	}
	fmt.Fprintln(in.Stderr, "starting Kafka, ClickHouse, a schema registry and every role …") //nolint:errcheck // nobody reads on
	p, err := pipeline.Open(ctx, c.pipeline)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	month, err := c.writeMonth()
	if err != nil {
		return err
	}
	return cli.RunAll(ctx, p.Run, func(ctx context.Context) error { return c.perform(ctx, in, p, month) })
}

// checkJSON tells at once that the report can't be written where it is wanted, and not when there is one.
func (c *config) checkJSON() error {
	if c.json == "" || c.json == "-" {
		return nil
	}
	f, err := os.OpenFile(c.json, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return f.Close()
}

// writeMonth writes the month's commands to a file in the data folder, where it can be looked at and loaded again.
func (c *config) writeMonth() (path string, err error) {
	path = filepath.Join(c.pipeline.DataDir, fmt.Sprintf("month-%d-%d.ndjson", c.seed, c.commands))
	f, err := os.Create(path)
	if err != nil {
		return "", fmt.Errorf("making a file for the month's commands: %w", err)
	}
	err = bankday.Month{Seed: c.seed, Commands: c.commands}.WriteLines(f)
	return path, errors.Join(err, f.Close())
}

// perform plays the month on the running pipeline and tells the report. With --keep it goes on until somebody stops it;
// whether the checks hold is said at the very end.
func (c *config) perform(ctx context.Context, in *cli.Process, p *pipeline.Pipeline, month string) error {
	report, err := c.play(ctx, in, p, month)
	if err != nil {
		return err
	}
	if err := c.tell(in.Stdout, report); err != nil {
		return err
	}
	if c.keep {
		out := in.Stdout
		if c.json == "-" {
			out = in.Stderr // the other one is for the report alone
		}
		if err := up.StayUp(ctx, out, in.Stderr, p); err != nil {
			return err
		}
	}
	return report.verdict()
}

// tell writes the report: as tables, as JSON, or as both.
func (c *config) tell(out io.Writer, r Report) error {
	if c.json == "-" {
		return console.JSON(out, r)
	}
	if err := r.Render(out); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if c.json == "" {
		return nil
	}
	f, err := os.Create(c.json)
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return errors.Join(console.JSON(f, r), f.Close())
}
