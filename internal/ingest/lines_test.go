package ingest

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

func readLines(t *testing.T, r io.Reader, bytesMax int) (out []string) {
	t.Helper()
	lr := newLineReader(r, bytesMax)
	for {
		l, err := lr.next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%d:%s", l.number, l.text)
		if l.tooLong {
			text = fmt.Sprintf("%d:too long:%d", l.number, len(l.text))
		}
		out = append(out, text)
	}
}

func TestLinesAreFoundWhateverEndsThem(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*readBufferBytes)
	for text, want := range map[string][]string{
		"":                             nil,
		"\n\n \t\r\n":                  nil,
		"a":                            {"1:a"},
		"a\n":                          {"1:a"},
		"a\r\n\r\nb":                   {"1:a", "3:b"},
		"\xef\xbb\xbfa\n\xef\xbb\xbfb": {"1:a", "2:\xef\xbb\xbfb"},
		long + "\nb":                   {"1:" + long, "2:b"},
	} {
		if got := readLines(t, strings.NewReader(text), 4*readBufferBytes); !slices.Equal(got, want) {
			t.Errorf("%.40q: %.80q", text, got)
		}
		if got := readLines(t, iotest.OneByteReader(strings.NewReader(text)), 4*readBufferBytes); !slices.Equal(got, want) {
			t.Errorf("%.40q, byte by byte: %.80q", text, got)
		}
	}
}

func TestALineThatIsTooLongIsPassedOver(t *testing.T) {
	t.Parallel()
	for _, n := range []int{11, quotedBytesMax + 1, 3 * readBufferBytes} {
		text := "1234567890\r\n" + strings.Repeat("x", n) + "\nlast"
		got := readLines(t, strings.NewReader(text), 10)
		want := []string{"1:1234567890", fmt.Sprintf("2:too long:%d", min(n, quotedBytesMax)), "3:last"}
		if !slices.Equal(got, want) {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
	// The last line, too, though nothing ends it.
	if got := readLines(t, strings.NewReader(strings.Repeat("x", 200)), 10); len(got) != 1 || !strings.Contains(got[0], "too long") {
		t.Errorf("the last line: %q", got)
	}
}

func TestAReaderThatFailsIsReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("a broken disk")
	lr := newLineReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 100)
	if l, err := lr.next(); err != nil || string(l.text) != "a" {
		t.Fatalf("the whole line: %q, %v", l.text, err)
	}
	// Half a line before a failure is not a line: it may be half of a command, and valid by chance.
	if l, err := lr.next(); !errors.Is(err, broken) {
		t.Fatalf("the half line: %q, %v", l.text, err)
	}
}
