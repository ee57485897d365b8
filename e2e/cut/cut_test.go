package cut

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const moment = 50 * time.Millisecond

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				c.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func lay(t *testing.T) *Line {
	t.Helper()
	l, err := Lay()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

type caller struct {
	net.Conn
	in *bufio.Reader
}

func dial(t *testing.T, l *Line) caller {
	t.Helper()
	c, err := net.Dial("tcp4", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return caller{c, bufio.NewReader(c)}
}

// hears says a word and waits for it to come back.
func (c caller) hears(word string, patience time.Duration) error {
	if _, err := c.Write([]byte(word + "\n")); err != nil {
		return err
	}
	return c.listens(word, patience)
}

func (c caller) listens(word string, patience time.Duration) error {
	if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	line, err := c.in.ReadString('\n')
	if err == nil && line != word+"\n" {
		err = errors.New("heard " + line)
	}
	return err
}

func TestALineLeadsSomewhere(t *testing.T) {
	t.Parallel()
	l := lay(t)
	if err := dial(t, l).hears("nobody", time.Minute); err == nil {
		t.Error("a line that leads nowhere answers")
	}
	l.Lead(echo(t))
	if err := dial(t, l).hears("hello", time.Minute); err != nil {
		t.Error(err)
	}
}

func TestACutIsHeardAtOnceAndMended(t *testing.T) {
	t.Parallel()
	l := lay(t)
	l.Lead(echo(t))
	c := dial(t, l)
	if err := c.hears("hello", time.Minute); err != nil {
		t.Fatal(err)
	}
	l.Cut()
	if err := c.listens("", time.Minute); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the cut: %v", err)
	}
	if err := dial(t, l).hears("anybody", time.Minute); err == nil {
		t.Error("a cut line answers")
	}
	l.Mend()
	if err := dial(t, l).hears("again", time.Minute); err != nil {
		t.Error(err)
	}
}

func TestWhatStallsComesLate(t *testing.T) {
	t.Parallel()
	l := lay(t)
	l.Lead(echo(t))
	c := dial(t, l)
	if err := c.hears("hello", time.Minute); err != nil {
		t.Fatal(err)
	}
	l.Stall()
	if err := c.hears("late", moment); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("on a stalled line: %v", err)
	}
	l.Mend()
	if err := c.listens("late", time.Minute); err != nil {
		t.Error(err)
	}
}
