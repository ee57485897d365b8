package ingest

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// tally counts a load while it runs.
type tally struct {
	started                    time.Time
	lines, published, rejected atomic.Int64
}

func (t *tally) result(rejectedPath string) LoadResult {
	return LoadResult{
		Lines: t.lines.Load(), Published: t.published.Load(), Rejected: t.rejected.Load(),
		RejectedPath: rejectedPath, Elapsed: time.Since(t.started),
	}
}

const (
	plainEvery = 3 * time.Second
	barEvery   = 200 * time.Millisecond
)

// report shows how the load goes until stop is called.
func (l *loader) report() (stop func()) {
	if l.cfg.Progress == nil {
		return func() {}
	}
	show, every, end := l.plain(l.cfg.Progress)
	if f, ok := l.cfg.Progress.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		show, every, end = l.bar(f)
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(every)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				show()
			case <-quit:
				end()
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// plain writes a line now and then, and the last one at the end.
func (l *loader) plain(w io.Writer) (show func(), every time.Duration, end func()) {
	// An error in writing progress must not end the load.
	show = func() { fmt.Fprintf(w, "load: %s\n", l.status(time.Since(l.tally.started))) }
	return show, plainEvery, show
}

// bar draws a bar where the size is known, and a spinner where it isn't.
func (l *loader) bar(w io.Writer) (show func(), every time.Duration, end func()) {
	p := mpb.New(mpb.WithOutput(w), mpb.WithAutoRefresh())
	status := mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
		return " " + l.status(time.Since(l.tally.started))
	}))
	filler := mpb.SpinnerStyle().Build()
	if l.src.size > 0 {
		filler = mpb.BarStyle().Build()
	}
	bar := p.MustAdd(0, filler, status) // made without a total: one with a total would end by itself when it is reached
	bar.SetTotal(l.src.size, false)
	show = func() { bar.SetCurrent(min(l.src.bytes.Load(), l.src.size)) }
	end = func() {
		show()
		if l.src.bytes.Load() < l.src.size {
			bar.Abort(false) // left as it stands
		}
		bar.SetTotal(-1, true)
		p.Wait()
	}
	return show, barEvery, end
}

// status says it in words: 120000 lines, 119500 published, 3 rejected, 60000/s, 41 %, 12s left.
func (l *loader) status(elapsed time.Duration) string {
	t, parts := l.tally, []string{}
	part := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	part("%d lines", t.lines.Load())
	part("%d published", t.published.Load())
	part("%d rejected", t.rejected.Load())
	part("%.0f/s", float64(t.published.Load())/max(elapsed.Seconds(), 0.001))
	if bytes := l.src.bytes.Load(); l.src.size > 0 && bytes > 0 {
		part("%d %%", 100*min(bytes, l.src.size)/l.src.size)
		left := time.Duration(float64(elapsed) * float64(max(l.src.size-bytes, 0)) / float64(bytes))
		part("%v left", left.Round(time.Second))
	}
	return strings.Join(parts, ", ")
}
