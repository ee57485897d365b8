package console

import (
	"strings"
	"unicode"

	"github.com/mattn/go-runewidth"
)

// Column is one of a table's columns.
type Column struct {
	Title string
	// Right aligns the column to the right: for numbers.
	Right bool
}

// Text is a column of words.
func Text(title string) Column { return Column{Title: title} }

// Number is a column of numbers.
func Number(title string) Column { return Column{Title: title, Right: true} }

// Table is rows of text in columns. A row may be shorter than there are columns.
type Table struct {
	Columns []Column
	Rows    [][]string
}

const (
	cellWidthMax = 60 // of a terminal's columns; what is longer is cut
	tableIndent  = "  "
	tableGap     = "  "
)

// Table writes t. Without rows it writes that there are none.
func (w *Writer) Table(t Table) {
	if len(t.Rows) == 0 {
		w.Line("%s%s", tableIndent, w.paint(faint, "none"))
		return
	}
	titles := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		titles[i] = c.Title
	}
	rows := [][]string{cells(titles, len(t.Columns))}
	for _, r := range t.Rows {
		rows = append(rows, cells(r, len(t.Columns)))
	}
	widths := make([]int, len(t.Columns))
	for _, r := range rows {
		for i, text := range r {
			widths[i] = max(widths[i], width(text))
		}
	}
	for i, r := range rows {
		line := t.line(r, widths)
		if i == 0 {
			line = w.paint(faint, line)
		}
		w.Line("%s%s", tableIndent, line)
	}
}

// line pads the cells of one row. Nothing trails behind the last one.
func (t Table) line(row []string, widths []int) string {
	var b strings.Builder
	for i, text := range row {
		padding := strings.Repeat(" ", widths[i]-width(text))
		if i > 0 {
			b.WriteString(tableGap)
		}
		if t.Columns[i].Right {
			text, padding = padding, text
		}
		b.WriteString(text + padding)
	}
	return strings.TrimRight(b.String(), " ")
}

// cells are exactly n texts that are safe to show and not too wide.
func cells(row []string, n int) []string {
	out := make([]string, n)
	for i := range min(n, len(row)) {
		out[i] = measure().Truncate(Clean(row[i]), cellWidthMax, "…")
	}
	return out
}

// Clean replaces what is not for show. Texts come from whoever sent a command, and must not be able to move the cursor
// or to repaint what a terminal says.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

func width(text string) int { return measure().StringWidth(text) }

// measure counts a terminal's columns, in the same way whatever language the user speaks.
func measure() *runewidth.Condition { return &runewidth.Condition{} }
