package console

import (
	"bytes"
	"testing"
	"time"
)

func TestAStatusIsRareInAFile(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := NewStatus(&b)
	for n := range 100 {
		s.Say("%d", n)
	}
	s.last = time.Now().Add(-2 * statusEvery)
	s.Say("read %d\x1b[2J", 7)
	s.Say("more")
	s.End()
	if got := b.String(); got != "read 7\ufffd[2J\n" {
		t.Errorf("got %q", got)
	}
}

func TestAStatusIsWrittenOverOnATerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	s := NewStatus(&b)
	s.terminal = true
	s.Say("one")
	s.Tell("this stays")
	s.Say("two")
	s.End()
	if got := b.String(); got != "\r\x1b[Kone\r\x1b[Kthis stays\n\r\x1b[Ktwo\r\x1b[K" {
		t.Errorf("got %q", got)
	}
}
