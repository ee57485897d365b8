// Package wait is recount wait: it ends when a view has everything up to some positions.
package wait

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/domain"
	"recount/internal/es"
)

// config is what recount wait is told.
type config struct {
	cli.Services
	View      string
	Positions []string
	Timeout   time.Duration
}

const timeoutDefault = 30 * time.Second

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.StringVar(&c.View, "view", c.View, "`view` to wait for, one that shows events")
	f.StringSliceVar(&c.Positions, "position", nil, "`positions` that it is to have, separated by commas: what answers to commands carry, such as bank/3@1234")
	f.DurationVar(&c.Timeout, "timeout", c.Timeout, "`time` to wait at most")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *config) Validate() error {
	var faults []error
	views := role.WaitableViews(domain.Contexts())
	at := slices.IndexFunc(views, func(v role.Waitable) bool { return v.Name == c.View })
	if at < 0 {
		faults = append(faults, fmt.Errorf("--view: there is no view of events %q; there are: %s", c.View, names(views)))
	}
	if len(c.Positions) == 0 {
		faults = append(faults, errors.New("--position: say what to wait for, such as bank/3@1234: answers to commands carry it"))
	}
	for _, text := range c.Positions {
		p, err := es.ParsePosition(text)
		switch {
		case err != nil:
			faults = append(faults, fmt.Errorf("--position: %w", err))
		case at >= 0 && !slices.Contains(views[at].Contexts, p.Context):
			faults = append(faults, fmt.Errorf("--position: the view %s shows nothing of %q, so it never has %s", c.View, p.Context, text))
		}
	}
	if c.Timeout <= 0 {
		faults = append(faults, fmt.Errorf("--timeout: %v is not a time to wait", c.Timeout))
	}
	return errors.Join(append(faults, c.Services.Validate())...)
}

func names(views []role.Waitable) string {
	var out []string
	for _, v := range views {
		out = append(out, v.Name)
	}
	return strings.Join(out, ", ")
}

// Command returns recount wait.
func Command() *cobra.Command {
	cfg := &config{Services: cli.DefaultServices(), Timeout: timeoutDefault}
	return cli.Command{
		Use: "wait", Short: "Wait until a view has what was written",
		Long: `
Waits until a view has everything up to the positions that are given: what is read from it afterwards has one's own writes.
A position comes with the answer to a command (Prefer: wait). It asks ClickHouse alone.

Exit code: 0 once the view has it; 1 if the time is over first; 2 if the command line is wrong.`,
		Example: `
  recount wait --view account_balances --position bank/3@1234
  recount wait --view account_history --position bank/3@1234,bank/7@88 --timeout 5s`,
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

func (c *config) run(ctx context.Context, p *cli.Process) (err error) {
	db, err := role.OpenViews(ctx, c.Services, p.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	for _, text := range c.Positions {
		at, err := es.ParsePosition(text)
		if err != nil {
			return err
		}
		err = db.WaitFor(ctx, c.View, at)
		if errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("%w (after %v): see with projectors status whether the view goes on", err, c.Timeout)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
