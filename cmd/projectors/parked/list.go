package parked

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/clickhouse"
	"recount/internal/worker/parking"
)

// listConfig is what projectors parked list is told.
type listConfig struct {
	decision
	JSON bool
}

// Flags declares them.
func (c *listConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.JSON, "json", false, "print JSON")
	c.Services.Flags(f)
}

func listCommand() *cobra.Command {
	cfg := &listConfig{decision: newDecision()}
	return cli.Command{
		Use: "list [VIEW]", Short: "List the aggregates that wait, in all views or in one",
		Long: `
Lists the aggregates that wait in the generations that serve: how many of their events, since which version, and why the first
of them could not be mapped.`,
		Example: `
  projectors parked list
  projectors parked list account_history --json | jq '.[].cause'`,
		Args: cobra.MaximumNArgs(1), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			view := ""
			if len(p.Args) > 0 {
				view = p.Args[0]
			}
			return cfg.desk(ctx, p, func(ctx context.Context, d parking.Desk) error {
				found, err := d.List(ctx, view)
				if err != nil {
					return err
				}
				if cfg.JSON {
					return printJSON(p, found)
				}
				out := console.New(p.Stdout)
				out.Table(listTable(found))
				return out.Err()
			})
		},
	}.Cobra()
}

func listTable(found []clickhouse.ParkedAggregate) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("view"), console.Text("aggregate"), console.Number("from version"), console.Number("events"), console.Text("position"), console.Text("since"), console.Text("because"),
	}}
	for _, a := range found {
		t.Rows = append(t.Rows, []string{
			a.View, a.Aggregate + "/" + a.ID, strconv.FormatInt(a.Version, 10), strconv.FormatUint(a.Events, 10),
			fmt.Sprintf("%s/%d@%d", a.Context, a.Partition, a.Offset), a.Since.UTC().Format(time.DateTime), a.Cause,
		})
	}
	return t
}

// parkedAggregate is one of the list in JSON.
type parkedAggregate struct {
	View       string    `json:"view"`
	Generation int       `json:"generation"`
	Aggregate  string    `json:"aggregate"`
	ID         string    `json:"id"`
	Position   string    `json:"position"`
	Version    int64     `json:"version"`
	Type       string    `json:"event_type"`
	Events     uint64    `json:"events"`
	Since      time.Time `json:"since"`
	Cause      string    `json:"cause"`
}

func printJSON(p *cli.Process, found []clickhouse.ParkedAggregate) error {
	all := []parkedAggregate{}
	for _, a := range found {
		all = append(all, parkedAggregate{
			View: a.View, Generation: int(a.Generation), Aggregate: a.Aggregate, ID: a.ID, Position: fmt.Sprintf("%s/%d@%d", a.Context, a.Partition, a.Offset),
			Version: a.Version, Type: a.Type, Events: a.Events, Since: a.Since.UTC(), Cause: a.Cause,
		})
	}
	out := json.NewEncoder(p.Stdout)
	out.SetIndent("", "  ")
	return out.Encode(all)
}
