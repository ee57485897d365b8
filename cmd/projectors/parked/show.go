package parked

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// showConfig is what projectors parked show is told.
type showConfig struct {
	cli.Services
	Limit int
}

const showDefault = 20

// Flags declares them.
func (c *showConfig) Flags(f *cli.Flags) {
	f.IntVar(&c.Limit, "limit", showDefault, "`number` of events to show at most")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *showConfig) Validate() error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit: %d events are nothing to show", c.Limit)
	}
	return c.Services.Validate()
}

func showCommand() *cobra.Command {
	cfg := &showConfig{Services: cli.DefaultServices()}
	return cli.Command{
		Use: "show VIEW TYPE/ID", Short: "Show what waits of one aggregate, and what became of the rest",
		Long: `
Shows the events of one aggregate that a view could not take at their place: those that wait, why the first of them could not
be mapped, and its data as it stands in the log; and those that were released or discarded, by whom, when and why.`,
		Example: `
  projectors parked show account_history account/acct-1`,
		Args: cli.Takes("VIEW", "TYPE/ID"), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			a, err := aggregateOf(p.Args[1])
			if err != nil {
				return err
			}
			return role.With(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error { return cfg.show(ctx, p, f, a) })
		},
	}.Cobra()
}

func (c *showConfig) show(ctx context.Context, p *cli.Process, f *role.Foundation, a parking.Aggregate) error {
	view := p.Args[0]
	desk, err := f.ParkingDesk(ctx, "")
	if err != nil {
		return err
	}
	serving, _, err := desk.DB.Serving(ctx, view)
	if err != nil {
		return err
	}
	events, err := desk.DB.ParkedEvents(ctx, clickhouse.ParkedFilter{View: view, Generation: serving.Number, Aggregate: a.Type, ID: a.ID, Limit: c.Limit})
	if err != nil {
		return err
	}
	if len(events) == 0 {
		return fmt.Errorf("%s %s in view %s: %w, and nothing was", a.Type, a.ID, view, parking.ErrNotParked)
	}
	out := console.New(p.Stdout)
	out.Table(showTable(events))
	for _, e := range events {
		if e.Fate == clickhouse.Parked {
			out.Line("%s", c.first(ctx, f, e))
			break
		}
	}
	return out.Err()
}

// first tells of the first event that waits. What can't be read of it is told instead: that may be the very reason.
func (c *showConfig) first(ctx context.Context, f *role.Foundation, e clickhouse.ParkedEvent) string {
	place := fmt.Sprintf("%s/%d@%d", e.Context, e.Partition, e.Offset)
	text := fmt.Sprintf("The first that waits, %s at %s, could not be mapped: %s", e.Type, place, e.Cause)
	source := f.Source(e.Context, e.Stream)
	records, err := kafka.Pick(ctx, f.Kafka, source.Topic(), e.Partition, []int64{e.Offset})
	if err != nil {
		return text + "\nIt can't be read: " + err.Error()
	}
	recorded, err := source.Decode(ctx, records[0])
	if err != nil {
		return text + "\nIt can't be read: " + err.Error()
	}
	data, err := recorded.JSON()
	if err != nil {
		return text + "\nIt can't be shown: " + err.Error()
	}
	return text + "\n" + data
}

func showTable(events []clickhouse.ParkedEvent) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Number("version"), console.Text("event"), console.Text("position"), console.Text("fate"), console.Text("by"), console.Text("at"), console.Text("because"),
	}}
	for _, e := range events {
		at, because := "", e.Cause
		if e.DecidedAt > 0 {
			at = time.UnixMilli(e.DecidedAt).UTC().Format(time.DateTime)
		}
		switch {
		case e.Fate == clickhouse.Discarded:
			because = e.Why
		case e.Cause == "":
			because = "waits behind another"
		}
		t.Rows = append(t.Rows, []string{
			strconv.FormatInt(e.Version, 10), e.Type, fmt.Sprintf("%s/%d@%d", e.Context, e.Partition, e.Offset), string(e.Fate), e.Actor, at, because,
		})
	}
	return t
}
