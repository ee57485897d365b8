// Package frame is what every benchmark has around what it measures: a command line, processes of its own to play roles, a
// folder, a broker, and a result that goes to a file and to people.
//
// It never measures anything itself, and knows nothing of what is measured.
package frame

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"recount/bench/report"
)

// Program is a benchmark. O are its options, which embed Output.
type Program[O interface{ output() Output }] struct {
	// Name is what messages call it, after "bench".
	Name string
	// Parse reads a command line; all its faults are one error. It writes usage where that is asked for.
	Parse func(args []string, usage io.Writer) (O, error)
	// Measure measures.
	Measure func(ctx context.Context, s *Scene, o O) (Result, error)
	// Roles are what this program plays in processes of its own, by name.
	Roles map[string]Role
}

// Result is what a benchmark comes to.
type Result struct {
	// File is written as JSON: a flat object.
	File any
	// Conditions are what it is true of. They stand above the table of Rows under Header.
	Conditions string
	Header     []string
	Rows       [][]string
}

// Main is the program's main function: it runs the benchmark, or plays a role, until that ends or a signal asks for it.
func (p Program[O]) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := p.Run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.Is(err, context.Canceled):
		fmt.Fprintf(os.Stderr, "bench %s: stopped before the end; no result was written\n", p.Name)
		os.Exit(1)
	case err != nil:
		fmt.Fprintf(os.Stderr, "bench %s: %v\n", p.Name, err)
		os.Exit(1)
	}
}

// Run does what a command line says.
func (p Program[O]) Run(ctx context.Context, args []string) error {
	if len(args) > 0 && args[0] == RoleArgument {
		return play(ctx, p.Roles, args[1:])
	}
	o, err := p.Parse(args, os.Stderr)
	if err != nil {
		return err
	}
	return p.Bench(ctx, o, os.Stdout, os.Stderr)
}

// Bench measures, and writes the result to a file and as a table to out. How far it is goes to messages.
func (p Program[O]) Bench(ctx context.Context, o O, out, messages io.Writer) (err error) {
	to := o.output()
	s, err := set(messages, to.Verbose)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.Dir)) }()
	r, err := p.Measure(ctx, s, o)
	if err != nil {
		return err
	}
	if err := report.Write(to.Out, r.File); err != nil {
		return err
	}
	return r.Table(out)
}

// Table writes the result for people.
func (r Result) Table(out io.Writer) error {
	if _, err := fmt.Fprintf(out, "\n%s\n\n", r.Conditions); err != nil {
		return err
	}
	return report.Table(out, r.Header, r.Rows)
}
