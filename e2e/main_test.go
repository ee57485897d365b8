//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"

	"recount/e2e/fleet"
)

// programVariable is where tests find the aggregator, which is built once for all of them.
const programVariable = "E2E_AGGREGATOR"

func TestMain(m *testing.M) {
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
	program, err := fleet.Build(context.Background(), dir)
	if err == nil {
		err = os.Setenv(programVariable, program)
	}
	if err != nil {
		return 0, err
	}
	return m.Run(), nil
}
