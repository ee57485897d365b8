package embedded

import (
	"bufio"
	"context"
	"encoding/json"
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

// startTimeout bounds a start. The slow part is reading half a gigabyte of libchdb from a cold disk, maybe on a machine that
// has ten times as much to do as it can. One that ends instead is noticed at once.
const startTimeout = 5 * time.Minute

// Process is an embedded service in a process of its own.
type Process struct {
	name      string
	address   string
	command   *exec.Cmd
	stdin     io.Closer // open for as long as the child shall live
	log       *tail
	done      chan struct{}
	waitErr   error // set before done is closed
	requested atomic.Bool
}

// processOptions is what all services have in common.
type processOptions struct {
	service string
	config  any       // sent to the child as JSON
	log     io.Writer // nil: only the last lines are kept, for messages
}

// startProcess starts a copy of this program as the service and waits until it is ready.
func startProcess(ctx context.Context, o processOptions) (*Process, error) {
	if name, ok := os.LookupEnv(childVariable); ok {
		return nil, fmt.Errorf("this process was started as the embedded %s, but its main function did not call embedded.RunIfChild first", name)
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("start the embedded %s: %w", o.service, err)
	}
	p, ready, err := spawn(o)
	if err != nil {
		return nil, fmt.Errorf("start the embedded %s: %w", o.service, err)
	}
	p.address, err = p.awaitReady(ctx, ready)
	if err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return p, nil
}

// spawn starts the child and hands it its configuration.
func spawn(o processOptions) (*Process, *os.File, error) {
	config, err := json.Marshal(o.config)
	if err != nil {
		return nil, nil, err
	}
	executable, err := thisProgram()
	if err != nil {
		return nil, nil, err
	}
	p := &Process{name: o.service, log: &tail{next: o.log}, done: make(chan struct{})}
	p.command = exec.Command(executable)
	p.command.Args = []string{"recount embedded " + o.service}
	// libchdb takes its time zone from TZ alone. Everything here is in UTC, as it is on a server.
	p.command.Env = append(os.Environ(), childVariable+"="+o.service, "TZ=UTC")
	p.command.Stdout, p.command.Stderr = p.log, p.log
	// A Ctrl-C at a terminal goes to the whole process group. The parent stops its services in its own order, so they
	// belong to a group of their own; if the parent does not get that far, they notice.
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}

	stdin, err := p.command.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	p.stdin = stdin
	ready, childEnd, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	p.command.ExtraFiles = []*os.File{childEnd}
	err = errors.Join(p.command.Start(), childEnd.Close())
	if err != nil {
		return nil, nil, errors.Join(err, ready.Close(), stdin.Close())
	}
	go p.wait()
	if _, err := stdin.Write(append(config, '\n')); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("send the configuration: %w", err), ready.Close(), p.Kill())
	}
	return p, ready, nil
}

// thisProgram is the file this process runs, be it renamed or removed since, as go run and go test do.
func thisProgram() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

func (p *Process) wait() {
	p.waitErr = p.command.Wait()
	close(p.done)
}

// awaitReady reads the child's one message.
func (p *Process) awaitReady(ctx context.Context, ready *os.File) (string, error) {
	// An expired deadline ends the read below.
	stop := context.AfterFunc(ctx, func() { _ = ready.SetReadDeadline(time.Now()) })
	defer stop()
	line, readErr := bufio.NewReader(ready).ReadBytes('\n')
	closeErr := ready.Close()
	if ctx.Err() != nil {
		return "", fmt.Errorf("the embedded %s was not ready in time: %w%s", p.name, context.Cause(ctx), p.log)
	}
	if errors.Is(readErr, io.EOF) {
		return "", fmt.Errorf("the embedded %s ended before it was ready (does this program's main, or TestMain, call embedded.RunIfChild first?)%s", p.name, p.log)
	}
	if err := errors.Join(readErr, closeErr); err != nil {
		return "", fmt.Errorf("wait for the embedded %s: %w", p.name, err)
	}
	var m readyMessage
	if err := json.Unmarshal(line, &m); err != nil {
		return "", fmt.Errorf("the embedded %s said %q instead of its address: %w", p.name, line, err)
	}
	if m.Error != "" {
		return "", fmt.Errorf("start the embedded %s: %s", p.name, m.Error)
	}
	return m.Address, nil
}

// Addr is where the service listens: host and port.
func (p *Process) Addr() string { return p.address }

// PID is the process's ID.
func (p *Process) PID() int { return p.command.Process.Pid }

// Done is closed when the process has ended, for whatever reason.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the process ended, with its last lines of log. It is nil while the process runs and after an end that
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
	how := "with success"
	if p.waitErr != nil {
		how = p.waitErr.Error()
	}
	return fmt.Errorf("the embedded %s (process %d) ended by itself: %s%s", p.name, p.PID(), how, p.log)
}

// Stop asks the process to close its files and end, and waits for it, which takes the process 10 s at the most; when
// ctx ends first, it is killed.
func (p *Process) Stop(ctx context.Context) error {
	p.requested.Store(true)
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		err := p.Kill()
		return errors.Join(fmt.Errorf("the embedded %s had to be killed: %w", p.name, ctx.Err()), err)
	}
	var exit *exec.ExitError
	if errors.As(p.waitErr, &exit) && exit.ExitCode() > 0 {
		return fmt.Errorf("stop the embedded %s: %w%s", p.name, p.waitErr, p.log)
	}
	return nil
}

// Kill ends the process as a power failure would (kill -9) and waits until it is gone.
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
		return fmt.Errorf("signal the embedded %s: %w", p.name, err)
	}
	return nil
}
