// Package transactions is aggregator transactions and aggregator end-transaction: what holds up everybody who reads
// committed records, and how to end it.
package transactions

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
)

// OlderThanDefault is beyond what any transaction of a worker lives: its timeout and the time until a coordinator looks.
const OlderThanDefault = 30 * time.Second

// listConfig is what aggregator transactions is told.
type listConfig struct {
	cli.Services
	OlderThan time.Duration
	JSON      bool
}

// Flags declares them.
func (c *listConfig) Flags(f *cli.Flags) {
	f.DurationVar(&c.OlderThan, "older-than", c.OlderThan, "`time` for which a transaction must have been open to be listed; 0: all")
	f.BoolVar(&c.JSON, "json", false, "print JSON")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *listConfig) Validate() error {
	var fault error
	if c.OlderThan < 0 {
		fault = fmt.Errorf("--older-than: %v is no time", c.OlderThan)
	}
	return errors.Join(fault, c.Services.Validate())
}

// ListCommand returns aggregator transactions.
func ListCommand() *cobra.Command {
	cfg := &listConfig{Services: cli.DefaultServices(), OlderThan: OlderThanDefault}
	return cli.Command{
		Use: "transactions", Short: "List transactions that nobody ends",
		Long: `
Lists the transactions that are open in the topics of all contexts, or in the offsets of the aggregators, and older than a
limit. As long as one is open, nobody who reads committed records gets past its start (the last stable offset): views stand
still, and no aggregator can take the partition over.

What it is to its coordinator says what to do:
  runs     a worker is at it, or has died lately; the coordinator ends it at its timeout
  ends     it is decided, and its markers are on their way
  hangs    no coordinator knows it: it stays open until aggregator end-transaction ends it, as it was decided
  unclear  the coordinator could not be asked`,
		Example: `
  aggregator transactions
  aggregator transactions --older-than 0s
  aggregator transactions --json | jq -r '.[] | select(.standing == "hangs") | .do'`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return tool(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error {
				found, err := f.OpenTransactions(ctx, cfg.OlderThan, time.Now())
				return errors.Join(show(p, found, cfg.JSON), err)
			})
		},
	}.Cobra()
}

// tool does one piece of work that reads no record.
func tool(ctx context.Context, p *cli.Process, s cli.Services, do func(context.Context, *role.Foundation) error) error {
	t := role.Tool(p, s)
	t.WithoutSchemas = true
	return t.Do(ctx, do)
}

func show(p *cli.Process, found []role.OpenTransaction, asJSON bool) error {
	if asJSON {
		return console.JSON(p.Stdout, found)
	}
	out := console.New(p.Stdout)
	out.Table(Table(found))
	for _, t := range found {
		out.Line("  %s/%d, producer %d: %s", t.Topic, t.Partition, t.ProducerID, t.Do)
	}
	return out.Err()
}

// Table has a line for each transaction.
func Table(found []role.OpenTransaction) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("partition"), console.Number("producer"), console.Number("epoch"), console.Text("transactional ID"), console.Number("from"),
		console.Number("age"), console.Text("standing"), console.Text("decided"), console.Text("coordinator"), console.Text("holds up readers"),
	}}
	for _, o := range found {
		holds := "no"
		if o.HoldsStable {
			holds = "yes"
		}
		age := time.Duration(o.AgeSeconds * float64(time.Second)).Round(time.Second)
		t.Rows = append(t.Rows, []string{
			fmt.Sprintf("%s/%d", o.Topic, o.Partition), strconv.FormatInt(o.ProducerID, 10), strconv.Itoa(int(o.ProducerEpoch)), o.TransactionalID,
			strconv.FormatInt(o.StartOffset, 10), age.String(), string(o.Standing), string(o.Decision), o.State, holds,
		})
	}
	return t
}
