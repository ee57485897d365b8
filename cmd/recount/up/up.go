// Package up is recount up: everything on this machine, until somebody stops it.
package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/local"
	"recount/cmd/recount/pipeline"
)

// config is what recount up takes.
type config struct {
	pipeline pipeline.Config
	only     []string
}

// Flags declares them.
func (c *config) Flags(f *cli.Flags) {
	f.StringVar(&c.pipeline.DataDir, "data", "", "`folder` for everything that is kept; default: $XDG_DATA_HOME/recount, or ~/.local/share/recount")
	f.StringSliceVar(&c.only, "only", nil, "start these `services` alone, and no role: kafka, clickhouse, registry")
	c.pipeline.Flags(f)
}

// Validate returns every fault.
func (c *config) Validate() error {
	faults := []error{c.pipeline.Validate()}
	for _, name := range c.only {
		if _, err := local.Parse(name); err != nil {
			faults = append(faults, fmt.Errorf("--only: %w", err))
		}
	}
	return errors.Join(faults...)
}

// Command returns recount up.
func Command() *cobra.Command {
	c := &config{pipeline: pipeline.NewConfig(pipeline.UsualPorts())}
	cmd := cli.Command{
		Use:   "up",
		Short: "Run all roles on embedded services until Ctrl-C",
		Long: `
Runs the whole pipeline in this process: ingest, aggregator and projectors, on an embedded Kafka, ClickHouse and schema
registry. Everything listens on 127.0.0.1 alone, and is kept in the data folder: the next start goes on from there.

The embedded Kafka is for development: durable means a real one (--kafka). A system that is named by --kafka,
--clickhouse or --registry is used instead of the embedded one. The HTTP port also has the console, for a browser, and
/readyz, which answers 200 once every role has caught up.`,
		Example: `
  recount up
  recount up --data /tmp/books --http-port 0
  recount up --kafka broker-1:9092,broker-2:9092
  recount up --only clickhouse`,
		Config: c,
		Run:    c.run,
	}.Cobra()
	Quiet(cmd)
	return cmd
}

// Quiet makes warn the default of --log-level: what people look for is the banner or the report.
func Quiet(cmd *cobra.Command) {
	level := cmd.Flags().Lookup("log-level")
	level.DefValue = "warn"
	if err := level.Value.Set(level.DefValue); err != nil {
		panic(err) // it is a string
	}
}

func (c *config) run(ctx context.Context, in *cli.Process) (err error) {
	c.pipeline.Log = in.Log
	c.pipeline.Progress = func(message string) { fmt.Fprintln(in.Stderr, message) } //nolint:errcheck // nobody reads on
	if c.pipeline.DataDir == "" {
		if c.pipeline.DataDir, err = pipeline.UserDataDir(); err != nil {
			return err
		}
	}
	if len(c.only) > 0 {
		return c.runOnly(ctx, in)
	}
	p, err := pipeline.Open(ctx, c.pipeline)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	return serve(ctx, in, p)
}

// serve runs p until ctx ends, and says where everything is once it is ready.
func serve(ctx context.Context, in *cli.Process, p *pipeline.Pipeline) error {
	return cli.RunAll(ctx, p.Run, func(ctx context.Context) error {
		if err := p.AwaitReady(ctx); err != nil {
			if ctx.Err() != nil {
				return nil // stopped before that
			}
			return err
		}
		return StayUp(ctx, in.Stdout, in.Stderr, p)
	})
}

// StayUp says on out where everything is, and waits until ctx ends.
func StayUp(ctx context.Context, out, errs io.Writer, p *pipeline.Pipeline) error {
	if _, err := io.WriteString(out, banner(p)); err != nil {
		return fmt.Errorf("writing where everything is: %w", err)
	}
	<-ctx.Done()
	fmt.Fprintln(errs, "stopping …") //nolint:errcheck // nobody reads on
	return nil
}

// runOnly runs services without a role.
func (c *config) runOnly(ctx context.Context, in *cli.Process) (err error) {
	var start []local.Service
	for _, name := range c.only {
		start = append(start, local.Service(name)) // validated
	}
	s, err := local.Start(ctx, c.pipeline.Embedded(start...))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop()) }()
	var lines strings.Builder
	for _, service := range start {
		fmt.Fprintf(&lines, "%s listens on %s\n", service, s.Address(service))
	}
	if _, err := fmt.Fprintf(in.Stdout, "%sdata lies in %s; Ctrl-C stops it.\n", lines.String(), c.pipeline.DataDir); err != nil {
		return fmt.Errorf("writing where everything is: %w", err)
	}
	return s.Run(ctx)
}
