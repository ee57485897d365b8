package main

import (
	"context"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
)

// statusConfig is what projectors status is told.
type statusConfig struct {
	cli.Services
	JSON bool
}

// Flags declares them.
func (c *statusConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.JSON, "json", false, "print JSON, with every partition")
	c.Services.Flags(f)
}

func statusCommand() *cobra.Command {
	cfg := &statusConfig{Services: cli.DefaultServices()}
	return cli.Command{
		Use: "status", Short: "Say how far every view has come",
		Long: `
Says how far every view has come: its generation, and how many records, up to the last stable offset, it does not show yet.
Its age is for how long the oldest of them has been waiting. Parked is how many aggregates
wait because the view could not map one of their events (projectors parked).`,
		Example: `
  projectors status
  projectors status --json | jq '.[] | select(.lag_records > 1000)'`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			tool := role.Tool(p, cfg.Services)
			tool.WithoutSchemas = true
			return tool.Do(ctx, func(ctx context.Context, f *role.Foundation) error { return status(ctx, p, f, cfg.JSON) })
		},
	}.Cobra()
}

func status(ctx context.Context, p *cli.Process, f *role.Foundation, asJSON bool) error {
	db, err := f.Views(ctx)
	if err != nil {
		return err
	}
	views, err := f.ViewStandings(ctx, db, time.Now())
	if err != nil {
		return err
	}
	if asJSON {
		return console.JSON(p.Stdout, views)
	}
	out := console.New(p.Stdout)
	out.Table(table(views))
	return out.Err()
}

// table has a line for each view of each context.
func table(views []role.ViewStanding) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("context"), console.Text("view"), console.Number("generation"), console.Number("partitions"), console.Number("behind"), console.Number("age"), console.Number("parked"),
	}}
	for _, v := range views {
		generation := strconv.Itoa(v.Generation)
		if v.Generation == 0 {
			generation = "none yet"
		}
		age := time.Duration(v.LagSeconds * float64(time.Second)).Round(time.Millisecond)
		t.Rows = append(t.Rows, []string{
			v.Context, v.View, generation, strconv.Itoa(len(v.Partitions)), strconv.FormatInt(v.LagRecords, 10), age.String(), strconv.Itoa(v.Parked),
		})
	}
	return t
}
