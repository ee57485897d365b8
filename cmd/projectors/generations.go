package main

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
	"recount/internal/clickhouse"
	"recount/internal/worker/rebuild"
)

// rollbackConfig is what projectors rollback is told.
type rollbackConfig struct {
	cli.Services
	role.Rebuild
	rebuild.RollbackOptions
	Quiet bool
}

// Flags declares them.
func (c *rollbackConfig) Flags(f *cli.Flags) {
	f.IntVar(&c.To, "to", 0, "`generation` to return to; 0: the newest that is kept. One that serves already is no fault")
	f.BoolVar(&c.Stale, "stale", false, "show the generation as it stood when it last served, and do not bring it up to date")
	f.BoolVar(&c.Quiet, "quiet", false, "show no progress")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *rollbackConfig) Validate() error { return c.Services.Validate() }

func rollbackCommand() *cobra.Command {
	cfg := &rollbackConfig{Services: cli.DefaultServices(), Rebuild: role.NewRebuild()}
	return cli.Command{
		Use: "rollback VIEW", Short: "Have the generation serve again that served before",
		Long: `
Brings the generation that served before up to date, and then points the view's public names at it. The one that served until
then is kept, so rolling back again undoes it; --to says which generation is meant, whoever runs it how often.

A generation that another revision of the mapping has filled can only be brought up to date by a program that has that
revision: run rollback with the older program. --stale shows it as it stood, at once.`,
		Example: `
  projectors rollback account_history
  projectors rollback account_history --to 1
  projectors generations`,
		Args: cli.Takes("VIEW"), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			return role.With(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error {
				show := newProgress(p.Stderr, cfg.Quiet)
				defer show.end()
				cfg.Observer = show
				r, _, err := cfg.Open(ctx, f)
				if err != nil {
					return err
				}
				result, err := r.Rollback(ctx, p.Args[0], cfg.RollbackOptions)
				if err != nil {
					return err
				}
				_, err = fmt.Fprintln(p.Stdout, sentence(result))
				return err
			})
		},
	}.Cobra()
}

// dropConfig is what projectors drop is told.
type dropConfig struct {
	cli.Services
	role.Rebuild
}

// Flags declares them.
func (c *dropConfig) Flags(f *cli.Flags) { c.Services.Flags(f) }

// Validate returns every fault.
func (c *dropConfig) Validate() error { return c.Services.Validate() }

func dropCommand() *cobra.Command {
	cfg := &dropConfig{Services: cli.DefaultServices(), Rebuild: role.NewRebuild()}
	return cli.Command{
		Use: "drop VIEW GENERATION", Short: "Take a generation that does not serve away for good",
		Long: `
Drops the tables of one generation of a view: one that is kept for a rollback, or that a rebuild has begun and nobody wants
any more. The generation that serves can't be dropped. A rebuild drops what it keeps no longer by itself (--keep).`,
		Example: `
  projectors generations
  projectors drop account_history 1`,
		Args: cli.Takes("VIEW", "GENERATION"), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			number, err := strconv.Atoi(p.Args[1])
			if err != nil {
				return cli.Usagef("%q is not the number of a generation (projectors generations)", p.Args[1])
			}
			return role.With(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error {
				r, _, err := cfg.Open(ctx, f)
				if err != nil {
					return err
				}
				return r.Drop(ctx, p.Args[0], number)
			})
		},
	}.Cobra()
}

func generationsCommand() *cobra.Command {
	cfg := &dropConfig{Services: cli.DefaultServices()}
	return cli.Command{
		Use: "generations", Short: "List the generations of every view, and who is at work on one",
		Long: `
Lists every generation of every view that has not been dropped: building (by a rebuild), following (kept up to date, about to
serve), switching, serving, or kept for a rollback; and who has a rebuild, a rollback or a repair of the view under way.`,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			tool := role.Tool(p, cfg.Services)
			tool.WithoutSchemas = true
			return tool.Do(ctx, func(ctx context.Context, f *role.Foundation) error {
				db, err := f.Views(ctx)
				if err != nil {
					return err
				}
				t, err := generationsTable(ctx, db, f.ViewNames())
				out := console.New(p.Stdout)
				out.Table(t)
				return errors.Join(err, out.Err())
			})
		},
	}.Cobra()
}

func generationsTable(ctx context.Context, db *clickhouse.DB, views []string) (console.Table, error) {
	t := console.Table{Columns: []console.Column{
		console.Text("view"), console.Number("generation"), console.Number("revision"), console.Text("state"), console.Text("since"), console.Text("at work"),
	}}
	for _, v := range views {
		all, err := db.Generations(ctx, v)
		if err != nil {
			return t, err
		}
		who, _, err := rebuild.AtWork(ctx, db, v)
		if err != nil {
			return t, err
		}
		for _, g := range all {
			if g.State != clickhouse.StateDropped {
				t.Rows = append(t.Rows, []string{v, strconv.Itoa(g.Number), strconv.Itoa(g.Revision), string(g.State), time.UnixMilli(g.Changed).UTC().Format(time.DateTime), who})
			}
		}
	}
	return t, nil
}
