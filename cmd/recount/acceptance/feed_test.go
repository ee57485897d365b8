package acceptance_test

import (
	"bufio"
	"encoding/json"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"recount/cmd/internal/bankday"
	"recount/cmd/internal/role"
	"recount/e2e/books"
)

// feed loads a made-up month at a steady pace for as long as it is wanted.
type feed struct {
	// sent are the commands that were loaded, known when done is closed.
	sent map[books.Command]bool
	done chan struct{}
	err  error

	enough atomic.Bool
}

const (
	feedPerSecond = 800
	feedMax       = 200_000
	feedMin       = 30_000 // beyond what is fed while it is wanted, at full speed
	feedTick      = 20 * time.Millisecond
)

func startFeed(t *testing.T, f *role.Foundation, seed uint64, rejected string) *feed {
	t.Helper()
	d := &feed{sent: map[books.Command]bool{}, done: make(chan struct{})}
	month, monthEnd := io.Pipe()
	lines, linesEnd := io.Pipe()
	go func() { _ = monthEnd.CloseWithError(bankday.Month{Seed: seed, Commands: feedMax}.WriteLines(monthEnd)) }()
	go func() {
		_ = linesEnd.CloseWithError(d.pass(month, linesEnd))
		_ = month.Close() // whatever it has left is not wanted
	}()
	go func() {
		defer close(d.done)
		_, d.err = load(t.Context(), f, lines, rejected)
	}()
	return d
}

// pass copies lines at the pace, and then what is missing of the least there shall be.
func (d *feed) pass(from io.Reader, to io.Writer) error {
	scan, began := bufio.NewScanner(from), time.Now()
	for n := 0; !d.enough.Load() || n < feedMin; n++ {
		for !d.enough.Load() && time.Since(began).Seconds()*feedPerSecond < float64(n) {
			time.Sleep(feedTick)
		}
		if !scan.Scan() {
			return scan.Err()
		}
		var l line
		if err := json.Unmarshal(scan.Bytes(), &l); err != nil {
			return err
		}
		d.sent[books.Command{Aggregate: strings.Split(l.Type, ".")[1], ID: l.ID, Command: l.CommandID}] = true
		if _, err := to.Write(append(scan.Bytes(), '\n')); err != nil {
			return err
		}
	}
	return nil
}

// end says that it was enough, and waits until everything is loaded.
func (d *feed) end(t *testing.T) {
	t.Helper()
	d.enough.Store(true)
	<-d.done
	if d.err != nil {
		t.Fatal(d.err)
	}
}
