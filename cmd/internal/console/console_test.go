package console

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"
)

func TestTablesAreAligned(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := New(&b)
	w.Table(Table{
		Columns: []Column{Text("name"), Number("amount"), Text("note")},
		Rows:    [][]string{{"Ada", "1,234.56", "x"}, {"Hauptstraße", "-7.00"}, {"東京", "0.00", strings.Repeat("long ", 30)}},
	})
	want := strings.Join([]string{
		"  name           amount  note",
		"  Ada          1,234.56  x",
		"  Hauptstraße     -7.00",
		"  東京             0.00  " + strings.Repeat("long ", 11) + "long…",
		"",
	}, "\n")
	if got := b.String(); got != want || w.Err() != nil {
		t.Errorf("got %v\n%s\nwant\n%s", w.Err(), got, want)
	}
}

func TestAnEmptyTableSaysSo(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	New(&b).Table(Table{Columns: []Column{Text("name")}})
	if b.String() != "  none\n" {
		t.Errorf("got %q", b.String())
	}
}

// TestTextCannotReachTheTerminal: a reference on a statement is whatever somebody sent.
func TestTextCannotReachTheTerminal(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	w := New(&b)
	w.Table(Table{Columns: []Column{Text("reference")}, Rows: [][]string{{"a\x1b[2Jb\r\nc\x00"}}})
	w.Heading("%s", "x\x1b]0;evil\a")
	w.Mark(true, "\x1b[31m")
	if got := b.String(); strings.ContainsAny(got, "\x1b\r\x00\a") {
		t.Errorf("control characters got through: %q", got)
	}
}

func TestColoursAreForTerminals(t *testing.T) {
	t.Parallel()
	paint := func(colours bool) string {
		var b bytes.Buffer
		w := NewColoured(&b, colours)
		w.Heading("checks")
		w.Mark(true, "good")
		w.Mark(false, "bad")
		w.Table(Table{Columns: []Column{Text("a"), Number("b")}, Rows: [][]string{{"x", "1"}}})
		return b.String()
	}
	plain, coloured := paint(false), paint(true)
	if plain != "\nchecks\n  ok    good\n  FAIL  bad\n  a  b\n  x  1\n" {
		t.Errorf("plain: %q", plain)
	}
	stripped := coloured
	for _, c := range []colour{bold, faint, red, green} {
		if !strings.Contains(coloured, "\x1b["+string(c)+"m") {
			t.Errorf("colour %s is not used in %q", c, coloured)
		}
		stripped = strings.ReplaceAll(stripped, "\x1b["+string(c)+"m", "")
	}
	if stripped = strings.ReplaceAll(stripped, "\x1b[0m", ""); stripped != plain {
		t.Errorf("colours change the text: %q", stripped)
	}
}

func TestWhoWantsNoColoursGetsNone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		environ map[string]string
		want    bool
	}{
		{map[string]string{"TERM": "xterm"}, true},
		{map[string]string{"TERM": "xterm", "NO_COLOR": ""}, true},
		{map[string]string{"TERM": "xterm", "NO_COLOR": "1"}, false},
		{map[string]string{"TERM": "dumb"}, false},
	} {
		if got := wantsColours(func(name string) (string, bool) { v, ok := tc.environ[name]; return v, ok }); got != tc.want {
			t.Errorf("%v: %v", tc.environ, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"0":                          Count(0),
		"-1":                         Count(-1),
		"999":                        Count(999),
		"200,000":                    Count(200_000),
		"-1,234,567":                 Count(-1_234_567),
		"-9,223,372,036,854,775,808": Count(math.MinInt64),
		"170,141,183,460,469,231,731,687,303,715,884,105,727": Digits("170141183460469231731687303715884105727"),
		"1,234.56 EUR":                   Money(123_456, "EUR"),
		"0.05 EUR":                       Money(5, "EUR"),
		"-0.05 EUR":                      Money(-5, "EUR"),
		"0.00 EUR":                       Money(0, "EUR"),
		"1,234 JPY":                      Money(1_234, "JPY"),
		"1.234 KWD":                      Money(1_234, "KWD"),
		"1,234 ???":                      Money(1_234, "???"),
		"-92,233,720,368,547,758.08 USD": Money(math.MinInt64, "USD"),
		"1.50 s":                         Seconds(1.499999),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

type broken struct{ writes int }

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errors.New("the disk is full")
}

func TestTheFirstErrorIsKept(t *testing.T) {
	t.Parallel()
	var to broken
	w := New(&to)
	w.Line("a")
	w.Line("b")
	if w.Err() == nil || to.writes != 1 {
		t.Errorf("%v after %d writes", w.Err(), to.writes)
	}
}

func TestJSONIsReadByPeopleToo(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := JSON(&out, map[string]string{"do": "a < b && c"}); err != nil || out.String() != "{\n  \"do\": \"a < b && c\"\n}\n" {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := JSON(&out, func() {}); err == nil {
		t.Error("a function is an answer")
	}
}
