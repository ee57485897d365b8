package sim

import (
	"fmt"
	"strings"
	"sync"
)

// trace is what happened in a run, line by line, for whoever has to understand a failure. The zero value is ready, and
// safe for concurrent use.
type trace struct {
	mu    sync.Mutex
	lines []string
}

func (t *trace) add(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines, fmt.Sprintf(format, args...))
}

// String returns everything; tail the last n lines.
func (t *trace) String() string { return t.tail(len(t.lines)) }

func (t *trace) tail(n int) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := max(0, len(t.lines)-n)
	head := ""
	if left > 0 {
		head = fmt.Sprintf("… %d lines before\n", left)
	}
	return head + strings.Join(t.lines[left:], "\n")
}
