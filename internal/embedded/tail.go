package embedded

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

const (
	// tailBytes is how much of a service's log goes into a message about its end.
	tailBytes = 4 << 10
	// crashBytes is how much of the beginning of a crash does: its cause, and who was at work.
	crashBytes = 2 << 10
)

// tail passes a log on and remembers its end. Of a crash it remembers the beginning, too: what Go writes of all goroutines
// behind it is longer than any tail.
type tail struct {
	next io.Writer // may be nil

	mu    sync.Mutex
	last  []byte
	crash []byte // from the first line on that tells of one
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, p...)
	if t.crash != nil {
		t.crash = append(t.crash, p...)
	} else if at := crashAt(t.last); at >= 0 {
		t.crash = append(t.crash, t.last[at:]...)
	}
	t.crash = t.crash[:min(len(t.crash), crashBytes)]
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	t.mu.Unlock()
	if t.next == nil {
		return len(p), nil
	}
	return t.next.Write(p)
}

// crashAt is where a log tells of a crash, by the words of Go's runtime and of C++'s; -1 where it does not.
func crashAt(log []byte) int {
	first := -1
	for _, words := range []string{"SIGSEGV", "SIGABRT", "SIGBUS", "SIGILL", "SIGFPE", "fatal error: ", "panic: ", "libc++abi: "} {
		if at := bytes.Index(log, []byte(words)); at >= 0 && (first < 0 || at < first) {
			first = at
		}
	}
	return first
}

// String is the end of the log, as the end of a sentence about what went wrong.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case len(t.last) == 0:
		return ""
	case len(t.crash) > 0 && !bytes.Contains(t.last, t.crash):
		return "; it crashed:\n" + string(t.crash) + "\n…\n" + trimmed(t.last)
	default:
		return "; its last lines:\n" + trimmed(t.last)
	}
}

func trimmed(log []byte) string { return strings.TrimRight(string(log), "\n") }
