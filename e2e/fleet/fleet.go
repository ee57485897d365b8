package fleet

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"
)

// Fleet is what its workers have in common.
type Fleet struct {
	// Program is the aggregator's, Dir the folder of its workers' states and logs.
	Program, Dir string
	// Registry is a schema registry's URL.
	Registry   string
	Partitions int32
	// SessionTimeout is after how long without a sign of life a worker's partitions are another's, TransactionTimeout
	// after how long the broker ends what it left open.
	SessionTimeout, TransactionTimeout time.Duration
}

// Build builds the aggregator into dir and returns the program's path.
func Build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "aggregator")
	build := exec.CommandContext(ctx, "go", "build", "-o", program, "recount/cmd/aggregator")
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the aggregator: %w\n%s", errors.Join(err, ctx.Err()), out)
	}
	return program, nil
}

// Worker returns a worker that has not been started yet. Its name is its for life, as is its state. kafka is where it
// finds the broker; flags are more of its own.
func (f *Fleet) Worker(name, kafka string, flags ...string) *Worker {
	return &Worker{
		Name: name, State: filepath.Join(f.Dir, name), log: filepath.Join(f.Dir, name+".log"), program: f.Program,
		args: append([]string{
			"run", "--context", "bank", "--instance", name, "--state", filepath.Join(f.Dir, name),
			"--kafka", kafka, "--registry", f.Registry, "--partitions", fmt.Sprint(f.Partitions), "--create-topics=false",
			"--session-timeout", f.SessionTimeout.String(), "--transaction-timeout", f.TransactionTimeout.String(),
			"--telemetry-addr", "127.0.0.1:0",
		}, flags...),
	}
}
