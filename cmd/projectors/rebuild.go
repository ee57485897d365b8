package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/nice"
	"recount/internal/worker/rebuild"
)

// rebuildConfig is what projectors rebuild is told.
type rebuildConfig struct {
	cli.Services
	role.Rebuild
	rebuild.Options
	Telemetry cli.Telemetry

	All    bool
	From   []string
	ID     string
	Memory int
	Nice   int
	Quiet  bool
}

const (
	keepDefault     = 1
	memoryDefault   = 1 << 10
	memoryMinimum   = 128
	bytesOfMebibyte = 1 << 20
)

// Flags declares them.
func (c *rebuildConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.All, "all", false, "rebuild every view")
	f.BoolVar(&c.Stage, "stage", false, "fill and compare, and do not switch: the same without --stage goes on from there")
	f.BoolVar(&c.ExpectChange, "expect-change", false, "take a difference from what serves for intended: print it and go on")
	f.BoolVar(&c.Fresh, "fresh", false, "drop what an earlier start has built and begin anew")
	f.StringSliceVar(&c.From, "from", nil, "`moment` (2026-03-01T00:00:00Z) or positions (bank/3@1200,bank/5@800) to fill from; older rows are copied as they are. Append-only views only")
	f.StringVar(&c.ID, "id", "", "`TYPE/ID` of one aggregate, such as account/acct-1: mend only its rows, in the generation that serves")
	f.IntVar(&c.Keep, "keep", keepDefault, "`number` of generations that have served to keep for a rollback; older ones are dropped")
	f.IntVar(&c.Memory, "memory", memoryDefault, "`MiB` of memory to stay below, about")
	f.IntVar(&c.Nice, "nice", nice.Background, "nice `value` to work at, so that projectors and analysts on the same machine go first: 0 (as urgent as they) to 19")
	f.BoolVar(&c.Quiet, "quiet", false, "show no progress")
	c.Rebuild.Flags(f)
	c.Services.Flags(f)
	c.Telemetry.Flags(f)
}

// Validate returns every fault.
func (c *rebuildConfig) Validate() error {
	faults := []error{c.Rebuild.Validate(), c.Services.Validate(), c.Telemetry.Validate()}
	if c.Keep < 0 {
		faults = append(faults, fmt.Errorf("--keep: %d generations can't be kept", c.Keep))
	}
	if aggregate, id, ok := strings.Cut(c.ID, "/"); c.ID != "" && (!ok || aggregate == "" || id == "") {
		faults = append(faults, fmt.Errorf("--id: %q is not TYPE/ID, such as account/acct-1", c.ID))
	}
	if c.ID != "" && (c.Stage || c.ExpectChange || c.Fresh || len(c.From) > 0) {
		faults = append(faults, errors.New("--id mends rows in place: it goes with none of --stage, --expect-change, --fresh and --from"))
	}
	if c.Memory < memoryMinimum {
		faults = append(faults, fmt.Errorf("--memory: %d MiB are too little, give %d at least", c.Memory, memoryMinimum))
	}
	if err := nice.Check(c.Nice); err != nil {
		faults = append(faults, fmt.Errorf("--nice: %w", err))
	}
	return errors.Join(faults...)
}

func rebuildCommand() *cobra.Command {
	cfg := &rebuildConfig{Services: cli.DefaultServices(), Rebuild: role.NewRebuild()}
	return cli.Command{
		Use: "rebuild VIEW...", Short: "Fill views anew from the log, while they go on serving",
		Long: `
Fills a new generation of each view from offset zero, beside the one that serves and goes on following the log. Then it
compares the two, at one place in the log for both; has the projectors bring the new one up to date; and points the public
names at it. Who asks meanwhile sees one whole generation or the other, never half of one. A query that joins two views may
see them switch a moment apart.

Killed at any moment, the same command goes on from where it was. Two rebuilds of one view can't run at once: the second
says who is at work.

A view needs it when its mapping or its SQL file has changed (raise its Revision; a new column is such a change), when its rows
were damaged, or when it stopped. If nothing was meant to change, a difference is an error and nothing switches. With
--expect-change it is printed and taken for what was meant.

With --id only the rows of one aggregate are looked at, in the generation that serves: those that are not what its events say
are deleted and inserted, so for a moment they are missing.

Several views are read and decoded once. Run the projectors of the same program beside it, so that they take the new
generation over; without any, the view stands still after the switch until some are started.`,
		Example: `
  projectors rebuild account_balances account_history
  projectors rebuild --all
  projectors rebuild account_history --stage              # look at account_history_g2, then the same without --stage
  projectors rebuild account_history --expect-change      # after its mapping was changed and its Revision raised
  projectors rebuild events --from 2026-03-01T00:00:00Z   # only what was written since; older rows are copied
  projectors rebuild account_history --id account/acct-1  # only the rows of one account, where they are wrong
  projectors rebuild --all --telemetry-addr 127.0.0.1:9105   # with metrics, for a board to show
  projectors rollback account_history                     # and back again`,
		Args:   cobra.ArbitraryArgs,
		Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			if cfg.All != (len(p.Args) == 0) {
				return cli.Usagef("name the views to rebuild, or give --all")
			}
			return role.With(ctx, p, cfg.Services, func(ctx context.Context, f *role.Foundation) error { return cfg.run(ctx, p, f) })
		},
	}.Cobra()
}

func (c *rebuildConfig) run(ctx context.Context, p *cli.Process, f *role.Foundation) error {
	debug.SetMemoryLimit(int64(c.Memory) * bytesOfMebibyte)
	if err := nice.Yield(c.Nice); err != nil {
		return err
	}
	views := p.Args
	if c.All {
		views = f.ViewNames()
	}
	for _, v := range views {
		if !slices.Contains(f.ViewNames(), v) {
			return cli.Usagef("there is no view %q; there are: %v", v, f.ViewNames())
		}
	}
	var err error
	if c.Options.From, err = startOf(ctx, f, views, c.From); err != nil {
		return err
	}
	show := newProgress(p.Stderr, c.Quiet)
	c.Observer = observers{show, f.Telemetry.Rebuild()}
	r, _, err := c.Open(ctx, f)
	if err != nil {
		return err
	}
	if c.ID != "" {
		return c.mend(ctx, p, r, views)
	}
	return c.observed(ctx, p, f, func(ctx context.Context) error {
		results, err := r.Rebuild(ctx, views, c.Options)
		show.end()
		for _, result := range results {
			if _, told := fmt.Fprintln(p.Stdout, sentence(result)); told != nil {
				err = errors.Join(err, told)
			}
		}
		return err
	})
}

// observed shows metrics for as long as do takes.
func (c *rebuildConfig) observed(ctx context.Context, p *cli.Process, f *role.Foundation, do func(context.Context) error) error {
	server, err := f.Telemetry.Listen(ctx, role.Endpoint(c.Telemetry, p.Log))
	if err != nil {
		return err
	}
	done, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- server.Run(done) }()
	err = do(ctx)
	stop()
	return errors.Join(err, <-served)
}

// mend mends one aggregate's rows in each view.
func (c *rebuildConfig) mend(ctx context.Context, p *cli.Process, r *rebuild.Rebuilder, views []string) error {
	aggregate, id, _ := strings.Cut(c.ID, "/")
	for _, view := range views {
		mended, err := r.Mend(ctx, view, aggregate, id)
		if err != nil {
			return err
		}
		if len(mended) == 0 {
			_, err = fmt.Fprintf(p.Stdout, "%s: the log has no event of %s\n", view, c.ID)
		}
		for _, m := range mended {
			if _, told := fmt.Fprintf(p.Stdout, "%s: table %s: %d events, %d rows, %d of them mended\n", view, m.Table, m.Events, m.Rows, m.Wrong); told != nil {
				err = errors.Join(err, told)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func sentence(r rebuild.Result) string {
	text := fmt.Sprintf("%s: generation %d serves", r.View, r.Generation)
	if !r.Serves {
		text = fmt.Sprintf("%[1]s: generation %[2]d is built and shown to nobody: look at the tables that end in _g%[2]d, then run projectors rebuild %[1]s", r.View, r.Generation)
	}
	if r.Changed {
		text += "; it differs from the one before, as was expected"
	}
	return text
}
