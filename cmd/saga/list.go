package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/internal/es/saga"
	"recount/internal/worker/instances"
)

// listConfig is what saga list is told.
type listConfig struct {
	tool
	stuck bool
	state string
}

// Flags declares them.
func (c *listConfig) Flags(f *cli.Flags) {
	f.BoolVar(&c.stuck, "stuck", c.stuck, "only those that need an operator")
	f.StringVar(&c.state, "state", c.state, "only those in this `state`: "+strings.Join(phases(), ", "))
	c.tool.Flags(f)
}

func phases() (out []string) {
	for _, p := range []saga.Phase{saga.Running, saga.Compensating, saga.StuckForward, saga.StuckBack, saga.IsCompleted, saga.IsUndone} {
		out = append(out, string(p))
	}
	return out
}

// Validate returns every fault.
func (c *listConfig) Validate() error {
	var fault error
	if c.state != "" && !slices.Contains(phases(), c.state) {
		fault = fmt.Errorf("--state: %q is none of %s", c.state, strings.Join(phases(), ", "))
	}
	return errors.Join(fault, c.tool.Validate())
}

// shows says whether an instance is to be listed: without a wish, those that have not ended.
func (c *listConfig) shows(i instances.Instance) bool {
	switch {
	case c.stuck && !i.Stuck:
		return false
	case c.state != "":
		return i.Phase == c.state
	}
	return !i.Ended
}

func listCommand() *cobra.Command {
	cfg := &listConfig{tool: newTool()}
	return cli.Command{
		Use: "list", Short: "List the instances that have not ended, or are stuck",
		Long: `
Lists the instances of the sagas, those that changed last at the end. Without a flag these are all that have not ended.

It folds the sagas' whole log. A stuck one waits for saga retry or saga compensate.`,
		Example: `
  saga list
  saga list --stuck
  saga list --state compensated --json | jq -r '.[].code' | sort | uniq -c`,
		Config: cfg,
		Run:    cfg.run,
	}.Cobra()
}

func (c *listConfig) run(ctx context.Context, in *cli.Process) error {
	return role.With(ctx, in, c.services, func(ctx context.Context, f *role.Foundation) error {
		shown := []instances.Instance{}
		for _, of := range f.Contexts {
			if len(of.Processes) == 0 || c.context != "" && c.context != of.Name {
				continue
			}
			log, end := logOf(f, in, of.Name)
			all, err := log.All(ctx)
			if end(); err != nil {
				return err
			}
			shown = append(shown, slices.DeleteFunc(all, func(i instances.Instance) bool { return !c.shows(i) })...)
		}
		if c.json {
			return console.JSON(in.Stdout, shown)
		}
		out := console.New(in.Stdout)
		out.Table(listed(shown, time.Now()))
		return out.Err()
	})
}

func listed(all []instances.Instance, now time.Time) console.Table {
	t := console.Table{Columns: []console.Column{
		console.Text("saga"), console.Text("id"), console.Text("state"), console.Text("step"), console.Number("age"), console.Number("version"), console.Text("last error"),
	}}
	for _, i := range all {
		t.Rows = append(t.Rows, []string{
			i.Saga, i.ID, i.Phase, i.Step, now.Sub(time.UnixMilli(i.StartedAt)).Round(time.Second).String(), strconv.FormatInt(i.Version, 10),
			strings.TrimSuffix(i.Code+": "+i.Detail, ": "),
		})
	}
	return t
}
