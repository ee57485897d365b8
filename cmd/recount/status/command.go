package status

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
)

// Question says what is asked for, and from where on something needs somebody.
type Question struct {
	cli.Services
	// Roles are the addresses on which roles show their health, host:port, or https://host:port; empty: those that answer on
	// this machine.
	Roles []string
	// RoleCA is a file with the certificates of those who may have signed the roles'; empty: the system's.
	RoleCA string
	// OlderThan is for how long a transaction must have been open, Lag by how much commands or views may lag, before it is a
	// warning.
	OlderThan, Lag time.Duration
}

// Usual asks for what these services hold, with the limits that recount status has.
func Usual(s cli.Services) Question {
	return Question{Services: s, OlderThan: olderThanDefault, Lag: lagDefault}
}

// Flags declares them.
func (c *Question) Flags(f *cli.Flags) {
	f.StringSliceVar(&c.Roles, "role", nil, "`addresses` on which roles show their health, host:port, or https://host:port, separated by commas; a host with several addresses is asked at each. Empty: those that answer on this machine")
	f.StringVar(&c.RoleCA, "role-ca", c.RoleCA, "`file` with the certificates (PEM) of those who may have signed the roles'; empty: the system's")
	f.DurationVar(&c.OlderThan, "older-than", c.OlderThan, "`time` for which a transaction must have been open to be a warning")
	f.DurationVar(&c.Lag, "warn-lag", c.Lag, "`time` by which commands or views may lag before it is a warning")
	c.Services.Flags(f)
}

// Validate returns every fault.
func (c *Question) Validate() error {
	var faults []error
	for _, named := range c.Roles {
		_, address := schemeOf(named)
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			faults = append(faults, fmt.Errorf("--role: %q is not host:port, nor https://host:port", named))
		}
	}
	if c.OlderThan < 0 {
		faults = append(faults, fmt.Errorf("--older-than: %v is no time", c.OlderThan))
	}
	if c.Lag <= 0 {
		faults = append(faults, fmt.Errorf("--warn-lag: %v is no time", c.Lag))
	}
	return errors.Join(append(faults, c.Services.Validate())...)
}

// config is what recount status is told.
type config struct {
	Question
	JSON bool
}

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.BoolVar(&c.JSON, "json", false, "print JSON, with everything that was found")
	c.Question.Flags(f)
}

const (
	lagDefault       = time.Minute
	olderThanDefault = 30 * time.Second
)

// Command returns recount status.
func Command() *cobra.Command {
	cfg := &config{Question: Usual(cli.DefaultServices())}
	return cli.Command{
		Use: "status", Short: "Say how everything stands, and what needs somebody",
		Long: `
Says how everything stands: whether services and roles answer; of every partition who decides its commands, how many wait
and for how long; how far every view has come; how many instances of every saga are under way or stuck; and which
transactions nobody ends. Lag is measured to the last stable offset: what lies beyond it is part of an open transaction, and
can't be read yet.

What needs somebody comes last, each with what to do next. What can't be asked is left out and is a warning too.

Exit code: 0 if nothing needs anybody; 1 if there are warnings; 2 if the command line is wrong.`,
		Example: `
  recount status
  recount status --kafka broker-1:9092 --clickhouse tcp://clickhouse:9000 --role aggregator-0:9101,aggregator-1:9101
  recount status --json | jq '.contexts[].partitions[] | select(.owner == null)'
  recount status --json | jq -r '.warnings[] | .code + ": " + .do'`,
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

// Ask finds out how everything stands. What can't be asked is a warning, and never an error: a report always comes. p is for
// its log.
func (c *Question) Ask(ctx context.Context, p *cli.Process) *Report {
	r := newReport(time.Now().UTC())
	g := gatherer{cfg: c, p: p, now: r.At, report: r}
	g.gather(ctx)
	r.Warnings = append(r.Warnings, limits{lag: c.Lag}.warnings(r)...)
	r.Healthy = len(r.Warnings) == 0
	return r
}

func (c *config) run(ctx context.Context, p *cli.Process) error {
	r := c.Ask(ctx, p)
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := show(p, r, c.JSON); err != nil {
		return err
	}
	if !r.Healthy {
		return cli.ErrReported
	}
	return nil
}

func show(p *cli.Process, r *Report, asJSON bool) error {
	if !asJSON {
		return render(p.Stdout, r)
	}
	return console.JSON(p.Stdout, r)
}
