package process

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

const (
	// tailLinesMax is how many lines go into a message about a process's end.
	tailLinesMax = 25
	// lineBytesMax bounds a line; what is longer counts as several.
	lineBytesMax = 8 << 10
)

// output passes on what a process writes, cuts it into lines and remembers the last of them.
type output struct {
	next   io.Writer    // may be nil
	onLine func(string) // may be nil

	mu      sync.Mutex
	partial []byte
	tail    []string
}

func (o *output) Write(p []byte) (int, error) {
	for _, line := range o.cut(p) {
		if o.onLine != nil {
			o.onLine(line)
		}
	}
	if o.next == nil {
		return len(p), nil
	}
	return o.next.Write(p)
}

// cut returns the lines that p completes.
func (o *output) cut(p []byte) (lines []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, p...)
	for {
		end := bytes.IndexByte(o.partial, '\n')
		next := end + 1
		if end < 0 || end > lineBytesMax {
			if len(o.partial) < lineBytesMax {
				break
			}
			end, next = lineBytesMax, lineBytesMax
		}
		lines = append(lines, strings.TrimSuffix(string(o.partial[:end]), "\r"))
		o.partial = o.partial[next:]
	}
	o.tail = append(o.tail, lines...)
	if over := len(o.tail) - tailLinesMax; over > 0 {
		o.tail = append(o.tail[:0], o.tail[over:]...)
	}
	return lines
}

// String is the end of the output, as the end of a sentence about what went wrong.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	lines := o.tail
	if len(o.partial) > 0 {
		lines = append(lines[:len(lines):len(lines)], string(o.partial))
	}
	if len(lines) == 0 {
		return ""
	}
	return "; its last lines:\n" + strings.Join(lines, "\n")
}
