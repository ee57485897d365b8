package frame

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"
)

// Output is where a benchmark's result and the output of its processes go.
type Output struct {
	// Out is the result's file.
	Out string
	// Verbose shows what the processes write; else their last lines are kept for messages.
	Verbose bool
}

func (o Output) output() Output { return o }

// Flags are a benchmark's, with all faults that were found in them.
type Flags struct {
	*flag.FlagSet
	faults []error
}

// NewFlags returns those of the benchmark called name, --out among them.
func NewFlags(name string, usage io.Writer, to *Output) *Flags {
	f := &Flags{FlagSet: flag.NewFlagSet("bench "+name, flag.ContinueOnError)}
	f.SetOutput(usage)
	f.StringVar(&to.Out, "out", filepath.Join("bench", "results", name+".json"), "`file` for the result")
	return f
}

// Parse reads args. What is no flag is a fault.
func (f *Flags) Parse(args []string) error {
	if err := f.FlagSet.Parse(args); err != nil {
		return err
	}
	f.Check(f.NArg() == 0, "%q: there are flags only", f.Args())
	return nil
}

// Check notes a fault if not ok.
func (f *Flags) Check(ok bool, format string, args ...any) {
	if !ok {
		f.faults = append(f.faults, fmt.Errorf(format, args...))
	}
}

// Faults returns all that were noted, and others; nil: there are none.
func (f *Flags) Faults(others ...error) error { return errors.Join(append(f.faults, others...)...) }
