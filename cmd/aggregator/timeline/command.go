// Package timeline is aggregator inspect: one aggregate's state, version and events, as they are or were.
//
// It reads the log and nothing else, and writes nothing but schemas that the registry lacks: its answers are those of
// the write side, whatever the views have come to.
package timeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/domain"
	"recount/internal/es"
	"recount/internal/worker/inspect"
)

// config is what aggregator inspect takes.
type config struct {
	services cli.Services
	context  string
	choice   choice
	json     bool
}

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.StringVar(&c.context, "context", c.context, "`context` of the aggregate")
	f.StringVar(&c.choice.at, "at", c.choice.at, "as it had been recorded by this `time`: 2026-03-01T12:00:00Z, or a date or time in UTC")
	f.StringVar(&c.choice.version, "version", c.choice.version, "as this `version` left it; 0 is before the first event")
	f.StringVar(&c.choice.diff, "diff", c.choice.diff, "what changed between two `versions`: 3..7")
	f.BoolVar(&c.json, "json", c.json, "answer as JSON, the events with their data")
	f.Group("Flags", "version") // not the program's
	c.services.Flags(f)
	for _, unused := range []string{"clickhouse", "database"} { // a --config file that all programs share may name them
		if err := f.MarkHidden(unused); err != nil {
			panic(err) // declared a line above
		}
	}
}

// Validate returns every fault.
func (c *config) Validate() error {
	return errors.Join(c.choice.validate(), c.services.Validate())
}

// Command returns aggregator inspect.
func Command() *cobra.Command {
	c := &config{services: cli.DefaultServices(), context: "bank"}
	return cli.Command{
		Use:   "inspect AGGREGATE ID",
		Short: "Show the state, version and events of one aggregate, now or earlier",
		Long: `
Folds the events of one aggregate, straight from the log, and shows its state, its version and the events.

--at asks what had been RECORDED by a moment: what the aggregator knew then. What was TRUE at a moment, with entries that
were made later and back-dated, is a question for the views: SELECT * FROM account_as_of(at = '2026-03-01 00:00:00').`,
		Example: `
  aggregator inspect account acct-1
  aggregator inspect account acct-1 --at 2026-03-01T12:00:00Z
  aggregator inspect account acct-1 --version 7
  aggregator inspect account acct-1 --diff 3..7
  aggregator inspect customer cust-1 --json`,
		Args:   cli.Takes("AGGREGATE", "ID"),
		Config: c,
		Run:    c.run,
	}.Cobra()
}

func (c *config) run(ctx context.Context, in *cli.Process) error {
	of := subject{context: c.context, aggregate: in.Args[0], id: in.Args[1]}
	aggregate, err := find(domain.Contexts(), of)
	if err != nil {
		return cli.Usage(err)
	}
	return role.With(ctx, in, c.services, func(ctx context.Context, f *role.Foundation) error {
		history, err := read(ctx, in, f, aggregate, of)
		if err != nil {
			return err
		}
		a, err := c.choice.of(history)
		if err != nil {
			return cli.Usage(err)
		}
		if c.json {
			return a.renderJSON(in.Stdout, of, f.Codec.EventToJSON)
		}
		return a.render(in.Stdout, of)
	})
}

// read returns the whole history; that there is none is an error.
func read(ctx context.Context, in *cli.Process, f *role.Foundation, aggregate es.AggregateType, of subject) (*inspect.Timeline, error) {
	status := console.NewStatus(in.Stderr)
	defer status.End()
	wanted := f.Events(of.context, aggregate, of.id)
	wanted.Progress = func(read, total int64) {
		status.Say("read %s of %s records", console.Count(read), console.Count(total))
	}
	history, err := inspect.Read(ctx, wanted)
	if err != nil {
		return nil, err
	}
	if len(history.Steps) == 0 {
		return nil, fmt.Errorf("the log of context %s has no event of %s %q: an ID is taken to the letter, capitals and all; "+
			"commands that were refused left no event (SELECT * FROM refusals WHERE aggregate_id = …)", of.context, of.aggregate, of.id)
	}
	return history, nil
}

// find returns the type of aggregate that is meant, or an error that says which ones there are.
func find(contexts []es.Context, of subject) (es.AggregateType, error) {
	var known []string
	for _, c := range contexts {
		known = append(known, c.Name)
	}
	i := slices.Index(known, of.context)
	if i < 0 {
		return nil, fmt.Errorf("--context: there is no context %q; there are: %s", of.context, strings.Join(known, ", "))
	}
	if a, ok := contexts[i].Aggregate(of.aggregate); ok {
		return a, nil
	}
	known = nil
	for _, a := range contexts[i].Aggregates {
		known = append(known, a.Name())
	}
	return nil, fmt.Errorf("context %s has no aggregate %q; there are: %s", of.context, of.aggregate, strings.Join(known, ", "))
}
