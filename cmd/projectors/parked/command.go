// Package parked is projectors parked: what views could not map, and what is to become of it.
package parked

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/worker/parking"
)

// Command returns projectors parked.
func Command() *cobra.Command {
	return cli.Group("parked", "Show and settle the events that a view could not map", `
An event that a view's mapping fails at parks its aggregate for that view: it and all later events of the same aggregate wait,
in their order, while everything else flows. Nothing is lost: the events are in the log. The view dead_letters shows each
event that could not be mapped, the view parked also those that wait behind it.

What to do: find out why (show), mend the mapping or the upcast, start the projectors with it, and have the events released.
A mapping that only learns to map what it failed at needs no new Revision: no row changes. An event that is never to be in the
view is discarded, by name and with a reason, in this generation and all later ones.`, `
  projectors parked list
  projectors parked show account_history account/acct-1
  projectors parked release account_history account/acct-1
  projectors parked release account_history --all
  projectors parked discard account_history account/acct-1 --why "a test's leftover, see the log of 2026-03-02"`,
		listCommand(), showCommand(), releaseCommand(), discardCommand())
}

// patienceDefault is how long a decision is waited for: a projector hears of it within moments, and carries it out after
// the range in work.
const patienceDefault = time.Minute

// decision is what the commands are told that decide something.
type decision struct {
	cli.Services
	Wait time.Duration
	By   string
}

// Flags declares them.
func (d *decision) Flags(f *cli.Flags) {
	f.DurationVar(&d.Wait, "wait", d.Wait, "`time` to wait for a projector to carry it out")
	f.StringVar(&d.By, "by", d.By, "`name` of who decides, for the record; empty: this user on this machine")
	d.Services.Flags(f)
}

// Validate returns every fault.
func (d *decision) Validate() error {
	if d.Wait <= 0 {
		return errors.Join(fmt.Errorf("--wait: %v is not a time to wait", d.Wait), d.Services.Validate())
	}
	return d.Services.Validate()
}

// desk runs do where it can be decided.
func (d *decision) desk(ctx context.Context, p *cli.Process, do func(context.Context, parking.Desk) error) error {
	tool := role.Tool(p, d.Services)
	tool.WithoutSchemas = true
	return tool.Do(ctx, func(ctx context.Context, f *role.Foundation) error {
		desk, err := f.ParkingDesk(ctx, d.By)
		if err != nil {
			return err
		}
		return do(ctx, desk)
	})
}

// aggregateOf reads TYPE/ID.
func aggregateOf(text string) (parking.Aggregate, error) {
	kind, id, ok := strings.Cut(text, "/")
	if !ok || kind == "" || id == "" {
		return parking.Aggregate{}, cli.Usagef("%q is not TYPE/ID, such as account/acct-1", text)
	}
	return parking.Aggregate{Type: kind, ID: id}, nil
}

func newDecision() decision {
	return decision{Services: cli.DefaultServices(), Wait: patienceDefault}
}
