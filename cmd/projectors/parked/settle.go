package parked

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/internal/clickhouse"
	"recount/internal/worker/parking"
)

// releaseConfig is what projectors parked release is told.
type releaseConfig struct {
	decision
	All bool
}

// Flags declares them.
func (c *releaseConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.All, "all", false, "release every aggregate that waits in the view")
	c.decision.Flags(f)
}

func releaseCommand() *cobra.Command {
	cfg := &releaseConfig{decision: newDecision()}
	return cli.Command{
		Use: "release VIEW [TYPE/ID]", Short: "Have what waits be mapped again, in its order",
		Long: `
Has the projectors map again what waits of an aggregate, in the order of its events, between two of their ranges. What can be
mapped by now is in the view then, each row once, whoever dies in the middle of it; what still can't stays parked with all
that is behind it, and the exit code is 1.

Start projectors with the mended mapping first: an older one that has the partition only fails again, and says so.`,
		Example: `
  projectors parked release account_history account/acct-1
  projectors parked release account_history --all`,
		Args: cobra.RangeArgs(1, 2), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			if cfg.All == (len(p.Args) == 2) {
				return cli.Usagef("name the aggregate, TYPE/ID, or give --all")
			}
			return cfg.desk(ctx, p, func(ctx context.Context, d parking.Desk) error {
				found, err := cfg.chosen(ctx, p, d)
				if err != nil {
					return err
				}
				return settle(p, found, func(a clickhouse.ParkedAggregate) (parking.Settled, error) { return d.Release(ctx, a, cfg.Wait) })
			})
		},
	}.Cobra()
}

func (c *releaseConfig) chosen(ctx context.Context, p *cli.Process, d parking.Desk) ([]clickhouse.ParkedAggregate, error) {
	if c.All {
		return d.List(ctx, p.Args[0])
	}
	a, err := aggregateOf(p.Args[1])
	if err != nil {
		return nil, err
	}
	return d.Find(ctx, p.Args[0], a)
}

// discardConfig is what projectors parked discard is told.
type discardConfig struct {
	decision
	Why string
}

// Flags declares them.
func (c *discardConfig) Flags(f *cli.Flags) {
	f.StringVar(&c.Why, "why", "", "`reason`, for those who find the event missing")
	c.decision.Flags(f)
}

// Validate returns every fault.
func (c *discardConfig) Validate() error {
	if strings.TrimSpace(c.Why) == "" {
		return errors.Join(errors.New("--why: a reason is needed: the event will be missing from the view for ever"), c.decision.Validate())
	}
	return c.decision.Validate()
}

func discardCommand() *cobra.Command {
	cfg := &discardConfig{decision: newDecision()}
	return cli.Command{
		Use: "discard VIEW TYPE/ID", Short: "Leave the first event that waits out of a view for ever",
		Long: `
Leaves the first event that waits of an aggregate out of the view, in this generation and in every later one, and has those
behind it mapped. Who decided it, when and why stands in the topic recount.control for ever, and with the event in the view
parked. The event itself stays in the log, and in every other view.

Behind it the next may turn out not to be mappable either: then that one waits, and the exit code is 1.`,
		Example: `
  projectors parked discard account_history account/acct-1 --why "a test's leftover"`,
		Args: cli.Takes("VIEW", "TYPE/ID"), Config: cfg,
		Run: func(ctx context.Context, p *cli.Process) error {
			a, err := aggregateOf(p.Args[1])
			if err != nil {
				return err
			}
			return cfg.desk(ctx, p, func(ctx context.Context, d parking.Desk) error {
				found, err := d.Find(ctx, p.Args[0], a)
				if err != nil {
					return err
				}
				return settle(p, found, func(a clickhouse.ParkedAggregate) (parking.Settled, error) {
					return d.Discard(ctx, a, cfg.Why, cfg.Wait)
				})
			})
		},
	}.Cobra()
}

// settle has something decided about each of found, and tells what came of it. What waits still is an error at the end.
func settle(p *cli.Process, found []clickhouse.ParkedAggregate, decide func(clickhouse.ParkedAggregate) (parking.Settled, error)) error {
	out := console.New(p.Stdout)
	left := 0
	for _, a := range found {
		s, err := decide(a)
		if err != nil {
			return errors.Join(out.Err(), err)
		}
		if s.Left == 0 {
			out.Line("%s/%s: nothing waits any more in view %s", a.Aggregate, a.ID, a.View)
			continue
		}
		left++
		out.Line("%s/%s: %d events wait still in view %s: %s", a.Aggregate, a.ID, s.Left, a.View, s.Cause)
	}
	if left > 0 {
		return errors.Join(out.Err(), fmt.Errorf("%d of %d still can't be mapped: mend the mapping, start the projectors with it, and release again", left, len(found)))
	}
	return out.Err()
}
