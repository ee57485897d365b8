package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	ExitOK     = 0 // done
	ExitFailed = 1 // something failed, was rejected, or a check did not hold
	ExitUsage  = 2 // the command line, a variable or the file is wrong: nothing was begun
)

// Main runs root as this process until it is done or told to stop, and returns its exit code. SIGINT and SIGTERM end the
// context, so that work under way is finished; a second one ends the process at once.
func Main(ctx context.Context, root *cobra.Command) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	go stopOn(signals, cancel, func() { os.Exit(ExitFailed) })

	p := Program{Root: root, Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	return p.Run(ctx)
}

// stopOn asks for an end on the first signal, and forces one on the second: somebody has lost patience.
func stopOn(signals <-chan os.Signal, ask, force func()) {
	<-signals
	ask()
	<-signals
	force()
}

// Program is a program as a value, so that tests run what a person runs.
type Program struct {
	Root           *cobra.Command
	Args           []string // without the program's name
	Environ        []string // KEY=value
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Run runs the command that Args name and returns its exit code. What went wrong is on Stderr, once.
func (p *Program) Run(ctx context.Context) int {
	prepare(p.Root)
	p.Root.SetArgs(p.Args)
	p.Root.SetIn(p.Stdin)
	p.Root.SetOut(p.Stdout)
	p.Root.SetErr(p.Stderr)
	err := p.Root.ExecuteContext(context.WithValue(ctx, environKey{}, p.Environ))
	if err == nil {
		return ExitOK
	}
	return report(ctx, p.Stderr, err)
}

// environKey finds the variables in a command's context.
type environKey struct{}

func environOf(cmd *cobra.Command) []string {
	environ, _ := cmd.Context().Value(environKey{}).([]string)
	return environ
}
