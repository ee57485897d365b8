package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"recount/cmd/internal/cli"
	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// output is what a program writes, read while it still does.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// recount runs the program as a person would, and returns its exit code once it has ended.
func recount(ctx context.Context, out, errs *output, args ...string) int {
	p := cli.Program{Root: command(), Args: args, Stdin: strings.NewReader(""), Stdout: out, Stderr: errs}
	return p.Run(ctx)
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	taken := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"unknown flag":          {[]string{"demo", "--command", "5"}, cli.ExitUsage, "--commands"},
		"unknown command":       {[]string{"dmo"}, cli.ExitUsage, "demo"},
		"an argument too many":  {[]string{"up", "kafka"}, cli.ExitUsage, "kafka"},
		"too few commands":      {[]string{"demo", "--commands", "3"}, cli.ExitUsage, "--commands"},
		"too few orders":        {[]string{"demo", "--orders", "3"}, cli.ExitUsage, "--orders"},
		"no such service":       {[]string{"up", "--only", "kafak"}, cli.ExitUsage, "kafak"},
		"no port":               {[]string{"up", "--http-port", "70000"}, cli.ExitUsage, "--http-port"},
		"no broker":             {[]string{"demo", "--kafka", "127.0.0.1:1"}, cli.ExitFailed, "nothing listens on 127.0.0.1:1"},
		"Kafka's port taken":    {[]string{"demo", "--kafka-port", taken}, cli.ExitFailed, "--kafka-port"},
		"HTTP's port taken":     {[]string{"demo", "--http-port", taken}, cli.ExitFailed, "--http-port"},
		"no place for a report": {[]string{"demo", "--json", filepath.Join(file, "report.json")}, cli.ExitUsage, "--json"},
		"no archive":            {[]string{"import", filepath.Dir(file)}, cli.ExitFailed, "there is no archive in"},
		"no folder for it":      {[]string{"export"}, cli.ExitUsage, "DIR"},
		"files without events":  {[]string{"export", "archive", "--file-events", "0"}, cli.ExitUsage, "--file-events"},
		"not even one at once":  {[]string{"import", "archive", "--parallel", "-1"}, cli.ExitUsage, "--parallel"},
		"the data is a file":    {[]string{"demo", "--data", file}, cli.ExitFailed, file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs output
			if code := recount(t.Context(), &out, &errs, tc.args...); code != tc.code || !strings.Contains(errs.String(), tc.want) {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, tc.code, tc.want, out.String(), errs.String())
			}
		})
	}
}
