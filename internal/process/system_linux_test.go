package process

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestAChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := start(t, "parent", &log)
	<-p.Done()
	var pid int
	for line := range strings.Lines(log.String()) {
		if n, err := fmt.Sscanf(line, "child %d", &pid); n == 1 && err == nil {
			break
		}
	}
	if pid == 0 {
		t.Fatalf("no child was started: %q", log.String())
	}
	for range 200 {
		if err := syscall.Kill(pid, 0); err != nil || isZombie(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d outlived its parent: %v", pid, syscall.Kill(pid, syscall.SIGKILL))
}

// isZombie: it has ended, and whoever inherited it has not asked how.
func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(text), ") Z ")
}

func TestProcessorTimeOfABusyChildRises(t *testing.T) {
	t.Parallel()
	p := start(t, "busy", nil)
	for range 500 {
		used, err := p.CPU()
		if err != nil {
			t.Fatal(err)
		}
		if used >= 2*tick {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a busy process used no processor time")
}

func TestStatIsReadFromTheLastParenthesis(t *testing.T) {
	t.Parallel()
	got, err := parseStat("77 (a) b (c) R 1 77 77 0 -1 4194304 100 0 0 0 250 50 9 9 20 0 1 0 5 6 7")
	if err != nil || got != 3*time.Second {
		t.Errorf("parseStat = %v, %v; want 3s", got, err)
	}
	for _, broken := range []string{"", "77 (a) R 1 2", "77 (a) R 1 77 77 0 -1 4194304 100 0 0 0 x 50 9 9"} {
		if _, err := parseStat(broken); err == nil {
			t.Errorf("%q is accepted", broken)
		}
	}
}
