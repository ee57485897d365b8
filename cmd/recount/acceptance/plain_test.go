package acceptance_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
)

// plainVariable makes this test's program one that ends with its parent.
const plainVariable = "ACCEPTANCE_PLAIN"

func endWithParentIfPlain() {
	if _, ok := os.LookupEnv(plainVariable); ok {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin) // the parent holds the other end for as long as it lives
			os.Exit(1)
		}()
	}
}

// plainly runs the test that calls it once more, in a copy of this program that was built without the race detector. That
// makes programs up to ten times slower, and what a test is to show of whole processes it does not see anyway: those that
// are killed share no memory, and what happens inside each is tested with it beside the code.
func plainly(t *testing.T) {
	t.Helper()
	if _, again := os.LookupEnv(plainVariable); again {
		t.Fatal("this was to be built without the race detector, and has it")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "plain.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-race=false", "-tags", tags(), "-o", program, ".")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building without the race detector: %v\n%s", err, said)
	}
	run := exec.CommandContext(t.Context(), program, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "0")
	run.Env = append(os.Environ(), plainVariable+"=1", "TMPDIR="+dir) // which goes with this test, however that one ends
	stdin, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close() //nolint:errcheck // the other end has gone
	said, err := run.CombinedOutput()
	if err := errors.Join(err, passed(string(said), t.Name())); err != nil {
		t.Fatalf("without the race detector: %v\n%s", err, said)
	}
	t.Logf("without the race detector:\n%s", said)
}

// passed says whether a test has passed by what was said: a program that knows no such test ends well, too.
func passed(said, name string) error {
	if !strings.Contains("\n"+said, "\n--- PASS: "+name+" (") {
		return fmt.Errorf("%s did not pass", name)
	}
	return nil
}

// tags are those this program was built with.
func tags() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "-tags" {
				return s.Value
			}
		}
	}
	return ""
}

func TestOnlyWhatPassedHasPassed(t *testing.T) {
	t.Parallel()
	for said, ok := range map[string]bool{
		"=== RUN   TestDeals\n--- PASS: TestDeals (1.00s)\nPASS\n":                       true,
		"testing: warning: no tests to run\nPASS\n":                                      false,
		"--- PASS: TestDealsAndMore (1.00s)\nPASS\n":                                     false,
		"--- SKIP: TestDeals (0.00s)\nPASS\n":                                            false,
		"--- FAIL: TestDeals (1.00s)\n    --- PASS: TestDeals (said by another)\nFAIL\n": false,
	} {
		if err := passed(said, "TestDeals"); (err == nil) != ok {
			t.Errorf("%q: %v", said, err)
		}
	}
}
