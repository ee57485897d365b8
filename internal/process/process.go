package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// Spec describes a process to start.
type Spec struct {
	// Name is what messages call it.
	Name string
	// Path and Args are the program and its arguments; Env is added to this process's environment.
	Path string
	Args []string
	Env  []string
	Dir  string
	// OnLine is called with each line it writes, on a goroutine of its own; nil: nobody listens.
	OnLine func(line string)
	// Log receives all it writes; nil: only the last lines are kept, for messages.
	Log io.Writer
}

// Process is a running program.
type Process struct {
	name      string
	command   *exec.Cmd
	output    *output
	done      chan struct{}
	waitErr   error // set before done is closed
	requested atomic.Bool
}

// outputPatience is how long the output of a process that has ended may stay open, held by a child of its own.
const outputPatience = 5 * time.Second

// Start starts a program. It does not wait until the program is of use.
func Start(s Spec) (*Process, error) {
	p := &Process{name: s.Name, output: &output{next: s.Log, onLine: s.OnLine}, done: make(chan struct{})}
	p.command = exec.Command(s.Path, s.Args...)
	p.command.Dir, p.command.Env = s.Dir, append(os.Environ(), s.Env...)
	p.command.Stdout, p.command.Stderr = p.output, p.output
	p.command.SysProcAttr = attributes()
	p.command.WaitDelay = outputPatience
	started := make(chan error)
	go p.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", s.Name, err)
	}
	return p, nil
}

// run keeps the thread that starts the process until the process has ended: the kernel takes that thread's end for the
// parent's, and Go ends threads as it likes.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.command.Start()
	started <- err
	if err == nil {
		p.waitErr = p.command.Wait()
		close(p.done)
	}
}

// PID is the process's ID.
func (p *Process) PID() int { return p.command.Process.Pid }

// Done is closed when the process has ended, for whatever reason.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended, with the last lines it wrote. It is nil while the process runs and after an end that
// Stop or Kill asked for.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	if p.requested.Load() {
		return nil
	}
	how := "without an error"
	if p.waitErr != nil {
		how = p.waitErr.Error()
	}
	return fmt.Errorf("%s (process %d) ended by itself: %s%s", p.name, p.PID(), how, p.output)
}

// Stop asks the process to end and waits for it; when ctx ends first, it is killed, which is an error.
func (p *Process) Stop(ctx context.Context) error {
	ended := p.Err() // what ended by itself, before it was asked to, is no orderly stop
	p.requested.Store(true)
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
		return ended
	case <-ctx.Done():
		return errors.Join(fmt.Errorf("%s did not end when it was asked to and was killed: %w%s", p.name, ctx.Err(), p.output), p.Kill())
	}
}

// endPatience is how long a process may take to write what it has and leave.
const endPatience = time.Minute

// End is Stop for whoever is at its own end: a ctx that has ended is not looked at, and it takes a minute at the most.
func (p *Process) End(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endPatience)
	defer cancel()
	return p.Stop(ctx)
}

// Kill ends the process at once (kill -9) and waits until it is gone.
func (p *Process) Kill() error {
	p.requested.Store(true)
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

func (p *Process) signal(s syscall.Signal) error {
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.name, err)
	}
	return nil
}

// LastLines are the last lines the process wrote, as the end of a sentence; empty where it wrote none.
func (p *Process) LastLines() string { return p.output.String() }
