package acceptance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	runIfProgram()
	endWithParentIfPlain()
	os.Exit(m.Run())
}

// programVariable makes this test's program one of Recount's. Its value says which.
const programVariable = "ACCEPTANCE_PROGRAM"

// The programs.
const (
	aggregatorProgram = "aggregator"
	projectorsProgram = "projectors"
	ingestProgram     = "ingest"
	sagaProgram       = "saga"
	// undeclaredProgram is the projectors without declared ranges.
	undeclaredProgram = "undeclared"
)

func runIfProgram() {
	name, ok := os.LookupEnv(programVariable)
	if !ok {
		return
	}
	go func() { // the parent holds the other end for as long as it lives
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(cli.ExitFailed)
	}()
	os.Exit(cli.Main(context.Background(), programNamed(name)))
}

func programNamed(name string) *cobra.Command {
	switch name {
	case aggregatorProgram:
		r := role.NewAggregator()
		return runs(name, &r, func() role.Make { return role.Of(r.Open) })
	case sagaProgram:
		r := role.NewSaga()
		return runs(name, &r, func() role.Make { return role.Of(r.Open) })
	case projectorsProgram:
		r := role.NewProjectors()
		return runs(name, &r, func() role.Make { return role.Of(r.Open) })
	case undeclaredProgram:
		r := undeclared{Projectors: role.NewProjectors()}
		return runs(name, &r, func() role.Make { return role.Of(r.open) })
	case ingestProgram:
		return loads(name)
	}
	panic("no program is called " + name)
}

// runs is a program with the role that make opens, put together as the ones in cmd are.
func runs(name string, settings cli.Config, makeRole func() role.Make) *cobra.Command {
	process := role.NewProcess("")
	return cli.Group(name, "", "", "", cli.Command{
		Use: "run", Config: configs{settings, &process},
		Run: func(ctx context.Context, in *cli.Process) error { return process.Run(ctx, in, makeRole()) },
	}.Cobra())
}

func loads(name string) *cobra.Command {
	load, services := role.Load{}, cli.DefaultServices()
	return cli.Group(name, "", "", "", cli.Command{
		Use: "load FILE", Config: configs{&load, &services}, Args: cli.Takes("FILE"),
		Run: func(ctx context.Context, in *cli.Process) error {
			return role.With(ctx, in, services, func(ctx context.Context, f *role.Foundation) error {
				_, err := load.Run(ctx, f, in, in.Args[0])
				return err
			})
		},
	}.Cobra())
}

// configs are several parts of a configuration as one.
type configs []cli.Config

func (c configs) Flags(f *cli.Flags) {
	for _, part := range c {
		part.Flags(f)
	}
}

func (c configs) Validate() error {
	var faults []error
	for _, part := range c {
		faults = append(faults, part.Validate())
	}
	return errors.Join(faults...)
}

// program is one life of a program, in a process of its own.
type program struct {
	name    string
	command *exec.Cmd
	stdin   io.Closer
	log     log
	done    chan struct{}
	err     error // how it ended, once done is closed
}

// log keeps what a process writes.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

const logTail = 4 << 10

// String is the end of the log.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	text := l.text.String()
	return text[max(0, len(text)-logTail):]
}

// launch starts a program. It ends with the test at the latest.
func launch(t *testing.T, name string, args ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{name: name, command: exec.Command(self, args...), done: make(chan struct{})}
	p.command.Env = append(os.Environ(), programVariable+"="+name)
	p.command.Stdout, p.command.Stderr = &p.log, &p.log
	if p.stdin, err = p.command.StdinPipe(); err == nil {
		err = p.command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.command.Wait(); close(p.done) }()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a power failure would, and waits until it has gone.
func (p *program) kill() {
	_ = p.command.Process.Signal(syscall.SIGKILL) // it may have ended
	<-p.done
}

// stop asks the process to end in good order, and waits until it has.
func (p *program) stop(t *testing.T) {
	t.Helper()
	if err := p.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("%s: %v", p.name, err)
	}
	if code, said := p.ends(t); code != cli.ExitOK {
		t.Fatalf("%s was told to stop, and ended with %d:\n%s", p.name, code, said)
	}
}

// died says that the process has ended by itself.
func (p *program) died() error {
	select {
	case <-p.done:
		return fmt.Errorf("%s ended by itself (%w):\n%s", p.name, p.err, &p.log)
	default:
		return nil
	}
}

// ends waits for a program that ends by itself, and returns its exit code and what it said.
func (p *program) ends(t *testing.T) (code int, said string) {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(3 * time.Minute):
		t.Fatalf("%s %s goes on and on:\n%s", p.name, strings.Join(p.command.Args[1:], " "), &p.log)
	}
	return p.command.ProcessState.ExitCode(), p.log.String()
}
