package console

import (
	"fmt"
	"io"
	"time"

	"recount/cmd/internal/cli"
)

// statusEvery is how often a status is written where nobody looks at a terminal.
const statusEvery = 3 * time.Second

// Status tells how far something is: on a terminal in one line that is written over, else in a line now and then. An
// error in writing it must not end what it tells of, so there is none to check.
type Status struct {
	out      io.Writer
	terminal bool
	last     time.Time
}

// NewStatus returns a status that writes to out.
func NewStatus(out io.Writer) *Status {
	return &Status{out: out, terminal: cli.IsTerminal(out), last: time.Now()}
}

// Say replaces what was said before. Elsewhere than on a terminal most of it is left out.
func (s *Status) Say(format string, args ...any) {
	text := Clean(fmt.Sprintf(format, args...))
	switch {
	case s.terminal:
		fmt.Fprintf(s.out, "\r\x1b[K%s", text) //nolint:errcheck // see the type
	case time.Since(s.last) >= statusEvery:
		s.last = time.Now()
		fmt.Fprintln(s.out, text) //nolint:errcheck // see the type
	}
}

// Tell writes a line that stays.
func (s *Status) Tell(format string, args ...any) {
	s.End()
	fmt.Fprintln(s.out, Clean(fmt.Sprintf(format, args...))) //nolint:errcheck // see the type
}

// End clears the line.
func (s *Status) End() {
	if s.terminal {
		fmt.Fprint(s.out, "\r\x1b[K") //nolint:errcheck // see the type
	}
}
