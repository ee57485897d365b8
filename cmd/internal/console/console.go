// Package console writes reports for people: headings, aligned tables, marks for what holds and what doesn't, numbers
// with separators. Colours are for terminals alone: what is piped or written to a file has none.
//
// It asks for nothing and knows nothing of what it shows.
package console

import (
	"fmt"
	"io"
	"os"

	"recount/cmd/internal/cli"
)

// Writer writes a report. The first error is kept and ends the writing: Err tells it.
type Writer struct {
	to      io.Writer
	colours bool
	err     error
}

// New returns a writer that uses colours if a person looks at what is written to to.
func New(to io.Writer) *Writer {
	return NewColoured(to, cli.IsTerminal(to) && wantsColours(os.LookupEnv))
}

// NewColoured returns a writer that uses colours or not.
func NewColoured(to io.Writer, colours bool) *Writer { return &Writer{to: to, colours: colours} }

// wantsColours follows what programs have agreed upon: no-color.org, and terminals that call themselves dumb.
func wantsColours(variable func(string) (string, bool)) bool {
	refused, _ := variable("NO_COLOR")
	terminal, _ := variable("TERM")
	return refused == "" && terminal != "dumb"
}

// Err returns what went wrong with writing.
func (w *Writer) Err() error { return w.err }

// Line writes one line of text.
func (w *Writer) Line(format string, args ...any) { w.write(fmt.Sprintf(format, args...) + "\n") }

// Heading writes a line that begins a new part of the report.
func (w *Writer) Heading(format string, args ...any) {
	w.write("\n" + w.paint(bold, Clean(fmt.Sprintf(format, args...))) + "\n")
}

// Mark writes whether something holds.
func (w *Writer) Mark(holds bool, text string) {
	mark, colour := "ok  ", green
	if !holds {
		mark, colour = "FAIL", red
	}
	w.Line("  %s  %s", w.paint(colour, mark), Clean(text))
}

func (w *Writer) write(text string) {
	if w.err != nil {
		return
	}
	_, w.err = io.WriteString(w.to, text)
}

// colour is what a terminal's escape sequence for colours and weights takes.
type colour string

const (
	bold  colour = "1"
	faint colour = "2"
	red   colour = "31;1"
	green colour = "32"
)

func (w *Writer) paint(c colour, text string) string {
	if !w.colours || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}
