//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"recount/e2e/fleet"
	"recount/internal/embedded"
)

// programsVariable is the folder in which tests find the programs, which are built once for all of them.
const programsVariable = "E2E_PROGRAMS"

func TestMain(m *testing.M) {
	embedded.RunIfChild() // ClickHouse
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "recount-e2e-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	summary := filepath.Join(dir, "summary")
	err = errors.Join(fleet.Build(context.Background(), dir), os.Setenv(programsVariable, dir), os.Setenv(summaryVariable, summary))
	if err != nil {
		return 0, err
	}
	code = m.Run()
	return code, summarize(summary)
}
