package pebble

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"recount/internal/statestore"
)

// holdEnv makes the test binary a second process that holds the directory it names until its standard input ends.
const holdEnv = "STATESTORE_TEST_HOLD"

// TestHold is that second process; run as a test, it has nothing to hold and shows only that an unset name is refused.
func TestHold(t *testing.T) {
	dir := os.Getenv(holdEnv)
	root, err := Open(small(nil, dir))
	if dir == "" {
		if err == nil {
			t.Error("opened a root without a directory")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		t.Error(err)
	}
	if err := root.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestLockedByAnotherProcess takes turns with a real one.
func TestLockedByAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestHold$")
	other.Env = append(os.Environ(), holdEnv+"="+dir)
	other.Stderr = os.Stderr
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q, %v", line, err)
	}

	_, err = Open(small(nil, dir))
	if !errors.Is(err, statestore.ErrLocked) {
		t.Errorf("open beside another process: %v, want ErrLocked", err)
	} else if msg := err.Error(); !strings.Contains(msg, "another aggregator runs on this --state directory "+dir) {
		t.Errorf("the error does not say what to do: %s", msg)
	}

	if err := stdin.Close(); err != nil {
		t.Fatal(err)
	}
	if err := other.Wait(); err != nil {
		t.Fatal(err)
	}
	root, err := Open(small(nil, dir))
	if err != nil {
		t.Fatalf("open after the other process has ended: %v", err)
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}

// TestLockedByThisProcess: the same directory under another name.
func TestLockedByThisProcess(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	root, err := Open(small(nil, "state"))
	if err != nil {
		t.Fatal(err)
	}
	for _, same := range []string{"state", "./state", dir + "/state"} {
		if _, err := Open(small(nil, same)); !errors.Is(err, statestore.ErrLocked) {
			t.Errorf("open %s again: %v, want ErrLocked", same, err)
		}
	}
	if err := root.Close(); err != nil {
		t.Error(err)
	}
}
