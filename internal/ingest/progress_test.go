package ingest

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestProgressEndsWithTheWholeCount(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	if _, err := load(t, newBank(t), "x.ndjson", deposits(20)+"bad\n", func(c *LoadConfig) { c.Progress = &said }); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, "load: 21 lines, 20 published, 1 rejected, ") || !strings.HasSuffix(last, "100 %, 0s left") {
		t.Errorf("the last line is %q", last)
	}
	if strings.Contains(said.String(), "\x1b") {
		t.Error("plain lines hold escape sequences")
	}
}

func TestTheTimeLeftComesFromTheBytes(t *testing.T) {
	t.Parallel()
	l := &loader{src: &source{size: 1000}, tally: &tally{}}
	l.src.bytes.Store(250)
	l.tally.published.Store(500)
	if got := l.status(10 * time.Second); !strings.HasSuffix(got, "50/s, 25 %, 30s left") {
		t.Errorf("%q", got)
	}
	l.src.size = 0 // stdin
	if got := l.status(10 * time.Second); strings.Contains(got, "left") || !strings.HasSuffix(got, "50/s") {
		t.Errorf("%q", got)
	}
}

// A bar must end however the load did, or the command would hang.
func TestABarEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ size, read int64 }{
		"done": {1000, 1000}, "stopped half-way": {1000, 500}, "not begun": {1000, 0}, "grown": {1000, 2000}, "stdin": {0, 777}, "empty stdin": {0, 0},
	} {
		l := &loader{src: &source{size: c.size}, tally: &tally{started: time.Now()}}
		show, _, end := l.bar(io.Discard)
		l.src.bytes.Store(c.read)
		show()
		ended := make(chan struct{})
		go func() { end(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(2 * time.Minute):
			t.Fatalf("%s: the bar never ends", name)
		}
	}
}
