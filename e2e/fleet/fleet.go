package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Fleet is what its members have in common.
type Fleet struct {
	// Programs is the folder of Recount's programs, Dir that of its members' states and logs.
	Programs, Dir string
	// Registry and ClickHouse are URLs.
	Registry, ClickHouse string
	Partitions           int32
	// SessionTimeout is after how long without a sign of life a member's partitions are another's, TransactionTimeout
	// after how long the broker ends what it left open.
	SessionTimeout, TransactionTimeout time.Duration
}

// Build builds those of Recount's programs that have these names into dir; no names: all. They are as they are shipped,
// without the race detector, however the caller was built.
func Build(ctx context.Context, dir string, names ...string) error {
	args := []string{"build", "-o", dir + string(filepath.Separator)}
	for _, name := range names {
		args = append(args, "recount/cmd/"+name)
	}
	if len(names) == 0 {
		args = append(args, "recount/cmd/...")
	}
	build := exec.CommandContext(ctx, "go", args...)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", errors.Join(err, ctx.Err()), out)
	}
	return nil
}

// Aggregator returns a member that decides commands. It has not been started yet. Its name is its for life, as is its
// state. kafka is where it finds the broker; flags are more of its own.
func (f *Fleet) Aggregator(name, kafka string, flags ...string) *Member {
	m := f.member("aggregator", name, kafka, append([]string{"run", "--context", "bank", "--instance", name}, append(f.timeouts(), flags...)...))
	m.State = filepath.Join(f.Dir, name)
	m.args = append(m.args, "--state", m.State)
	return m
}

// Projectors is Aggregator for a member that keeps the views in ClickHouse up to date.
func (f *Fleet) Projectors(name, kafka string) *Member {
	return f.member("projectors", name, kafka, append([]string{"run", "--context", "bank", "--instance", name, "--clickhouse", f.ClickHouse}, f.timeouts()...))
}

// Ingest is Aggregator for a member that takes commands over HTTP, at another address in each life.
func (f *Fleet) Ingest(name, kafka string) *Member {
	return f.member("ingest", name, kafka, []string{"serve", "--context", "bank", "--http-addr", "127.0.0.1:0", "--clickhouse", f.ClickHouse})
}

func (f *Fleet) timeouts() []string {
	return []string{"--session-timeout", f.SessionTimeout.String(), "--transaction-timeout", f.TransactionTimeout.String()}
}

func (f *Fleet) member(program, name, kafka string, args []string) *Member {
	return &Member{
		Name: name, log: filepath.Join(f.Dir, name+".log"), program: filepath.Join(f.Programs, program),
		args: append(args, "--kafka", kafka, "--registry", f.Registry, "--partitions", fmt.Sprint(f.Partitions),
			"--create-topics=false", "--telemetry-addr", "127.0.0.1:0"),
	}
}

// Ask runs one of the programs to its end, as an operator does, and returns what it wrote. An exit code other than 0 is
// an error, which says what the program said; what it wrote comes with it.
func (f *Fleet) Ask(ctx context.Context, program string, args ...string) (stdout []byte, err error) {
	var out, errs bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(f.Programs, program), args...)
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("%s %s: %w\n%s", program, strings.Join(args, " "), errors.Join(err, ctx.Err()), &errs)
	}
	return out.Bytes(), nil
}

// Said counts how often members have said something, in all of their lives.
func (f *Fleet) Said(text string) (n int, err error) {
	logs, err := filepath.Glob(filepath.Join(f.Dir, "*.log"))
	for _, log := range logs {
		told, readErr := os.ReadFile(log)
		err = errors.Join(err, readErr)
		n += strings.Count(string(told), text)
	}
	return n, err
}
