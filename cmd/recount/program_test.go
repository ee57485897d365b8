package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"recount/e2e/fleet"
)

// program is recount as people have it, to be run as they do: in processes of its own. It was built without the race
// detector, which makes it up to ten times slower, and which looks on wherever a pipeline runs inside a test.
type program struct {
	path string
	tmp  string // its folder for temporary files
}

func build(t *testing.T) program {
	t.Helper()
	dir := t.TempDir()
	if err := fleet.Build(t.Context(), dir, "recount"); err != nil {
		t.Fatal(err)
	}
	return program{path: filepath.Join(dir, "recount"), tmp: t.TempDir()}
}

const (
	// lastWords is how long before the end of all tests a program is told to stop, so that there is time to say why.
	lastWords = 3 * time.Minute
	// goodbye is how long it may then take until it is killed, and its services end with it.
	goodbye = time.Minute
)

// run runs the program until it ends, and returns its exit code and what it wrote.
func (p program) run(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	ctx := t.Context()
	if end, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, end.Add(-lastWords))
		defer cancel()
	}
	var stdout, stderr output
	command := exec.CommandContext(ctx, p.path, args...)
	command.Env = append(os.Environ(), "TMPDIR="+p.tmp)
	command.Stdout, command.Stderr = &stdout, &stderr
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = goodbye
	err := command.Run()
	if exit := (*exec.ExitError)(nil); ctx.Err() != nil || err != nil && !errors.As(err, &exit) {
		t.Fatalf("recount %q: %v\n%s%s", args, errors.Join(err, ctx.Err()), &stdout, &stderr)
	}
	return command.ProcessState.ExitCode(), stdout.String(), stderr.String()
}
