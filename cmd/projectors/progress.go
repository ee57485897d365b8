package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"recount/internal/clickhouse"
	"recount/internal/worker/rebuild"
)

// plainEvery is how often a line is written where there is no terminal to draw on.
const plainEvery = 3 * time.Second

// progress shows how a rebuild goes: a bar on a terminal, lines elsewhere. An error in writing must not end the rebuild.
type progress struct {
	to    io.Writer
	quiet bool
	bars  *mpb.Progress // nil: lines

	now atomic.Pointer[rebuild.Progress]

	mu   sync.Mutex
	bar  *mpb.Bar
	told time.Time
}

func newProgress(to io.Writer, quiet bool) *progress {
	p := &progress{to: to, quiet: quiet}
	if f, ok := to.(*os.File); ok && !quiet && term.IsTerminal(int(f.Fd())) {
		p.bars = mpb.New(mpb.WithOutput(f), mpb.WithAutoRefresh())
		p.to = p.bars // lines go above the bar
	}
	return p
}

// At tells of the moments between fillings.
func (p *progress) At(view string, at rebuild.Point) {
	switch at {
	case rebuild.Made, rebuild.Copied, rebuild.Filled, rebuild.Followed, rebuild.CaughtUp, rebuild.Trimmed:
		p.line("%s: %s", view, at)
	case rebuild.Claimed, rebuild.Inserted, rebuild.Marked, rebuild.Frozen, rebuild.Compared, rebuild.Seeded, rebuild.Intended, rebuild.Replaced, rebuild.Serves:
	}
}

// Filling moves the bar.
func (p *progress) Filling(now rebuild.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := p.now.Swap(&now)
	fresh := last == nil || now.Total != last.Total
	switch {
	case p.quiet:
	case p.bars == nil:
		if time.Since(p.told) >= plainEvery || now.Done == now.Total && now.Total > 0 && fresh {
			p.told = time.Now()
			fmt.Fprintln(p.to, "fill: "+howFar(now)) //nolint:errcheck // as at progress
		}
	default:
		if p.bar == nil || fresh {
			p.close()
			p.bar = p.bars.AddBar(now.Total, mpb.BarRemoveOnComplete(), mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
				return " " + howFar(*p.now.Load()) // without the lock: whoever holds it may be waiting for the bar
			})))
		}
		p.bar.SetCurrent(now.Done)
	}
}

// howFar says it in words: 1200000 of 10000000 records, 480000/s, 18s left, views that serve 0 behind.
func howFar(p rebuild.Progress) string {
	parts := []string{fmt.Sprintf("%d of %d records", p.Done, p.Total), fmt.Sprintf("%.0f/s", p.Rate())}
	if p.Done > 0 {
		parts = append(parts, fmt.Sprintf("%v left", p.Left()))
	}
	return strings.Join(append(parts, fmt.Sprintf("views that serve %d behind", p.Lag)), ", ")
}

// Compared tells what came of comparing a table.
func (p *progress) Compared(view string, c clickhouse.Comparison, took time.Duration) {
	if c.Equal() {
		p.line("%s: table %s is the same as in the generation that serves: %d rows, compared in %v", view, c.Table, c.Rows, took.Round(time.Millisecond))
		return
	}
	p.line("%s: table %s differs from the generation that serves (%d rows, compared in %v):\n%s", view, c.Table, c.Rows, took.Round(time.Millisecond), c)
}

// Switched tells that a view is shown anew.
func (p *progress) Switched(view string, generation int, took time.Duration) {
	p.line("%s: switched to generation %d in %v", view, generation, took.Round(100*time.Microsecond))
}

func (p *progress) line(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.to, format+"\n", args...) //nolint:errcheck // as at progress
	}
}

// close ends the bar as it stands. The caller holds the lock.
func (p *progress) close() {
	if p.bar != nil {
		p.bar.Abort(true)
		p.bar = nil
	}
}

// end ends what is drawn.
func (p *progress) end() {
	if p.bars == nil {
		return
	}
	p.mu.Lock()
	p.close()
	p.mu.Unlock()
	p.bars.Wait()
}

// observers tell all of them.
type observers []rebuild.Observer

// At tells of a point.
func (o observers) At(view string, p rebuild.Point) {
	for _, each := range o {
		each.At(view, p)
	}
}

// Filling tells how far the filling is.
func (o observers) Filling(p rebuild.Progress) {
	for _, each := range o {
		each.Filling(p)
	}
}

// Compared tells what came of comparing a table.
func (o observers) Compared(view string, c clickhouse.Comparison, took time.Duration) {
	for _, each := range o {
		each.Compared(view, c, took)
	}
}

// Switched tells that a view is shown anew.
func (o observers) Switched(view string, generation int, took time.Duration) {
	for _, each := range o {
		each.Switched(view, generation, took)
	}
}
