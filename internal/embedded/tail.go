package embedded

import (
	"io"
	"strings"
	"sync"
)

// tailBytes is how much of a service's log goes into a message about its end.
const tailBytes = 4 << 10

// tail passes a log on and remembers its end.
type tail struct {
	next io.Writer // may be nil

	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	t.last = append(t.last, p...)
	if over := len(t.last) - tailBytes; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	t.mu.Unlock()
	if t.next == nil {
		return len(p), nil
	}
	return t.next.Write(p)
}

// String is the end of the log, as the end of a sentence about what went wrong.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == 0 {
		return ""
	}
	return "; its last lines:\n" + strings.TrimRight(string(t.last), "\n")
}
