package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"recount/bench/process"
)

// Worker is an aggregator through all of its lives.
type Worker struct {
	Name string
	// State is the folder of its store.
	State string

	log     string // the file of what it says, in all of its lives
	program string
	args    []string
	life    *life // nil: it was never started
}

// life is one process.
type life struct {
	*process.Process
	log *os.File
	url atomic.Pointer[string] // of its telemetry, once it has told
}

const (
	stopPatience = time.Minute
	logTailBytes = 5 << 10
)

// telemetryLine is how the aggregator tells where its telemetry is.
var telemetryLine = regexp.MustCompile(`msg=telemetry .*url=(http://\S+)/metrics`)

// Start starts the worker, or starts it again as who it was. It does not wait until it is ready.
func (w *Worker) Start() error {
	file, err := os.OpenFile(w.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", w.Name, err)
	}
	l := &life{log: file}
	fmt.Fprintf(file, "-- started %s\n", time.Now().UTC().Format(time.StampMilli))
	l.Process, err = process.Start(process.Spec{
		Name: w.Name, Path: w.program, Args: w.args, Log: file,
		OnLine: func(line string) {
			if found := telemetryLine.FindStringSubmatch(line); found != nil {
				l.url.Store(&found[1])
			}
		},
	})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	w.life = l
	return nil
}

// Kill ends its process at once (kill -9), frozen or not.
func (w *Worker) Kill() error {
	if w.life == nil {
		return nil
	}
	return errors.Join(w.life.Kill(), w.closeLog())
}

// Stop asks it to end, as an operator does, and waits for that. A frozen one is to be thawed first.
func (w *Worker) Stop(ctx context.Context) error {
	if w.life == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	return errors.Join(w.life.Stop(ctx), w.closeLog())
}

func (w *Worker) closeLog() error {
	if err := w.life.log.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Freeze stops it in whatever it does (SIGSTOP); Thaw lets it go on from there.
func (w *Worker) Freeze() error { return w.signal(syscall.SIGSTOP) }

// Thaw lets a frozen worker go on.
func (w *Worker) Thaw() error { return w.signal(syscall.SIGCONT) }

func (w *Worker) signal(s syscall.Signal) error {
	if err := syscall.Kill(w.life.PID(), s); err != nil {
		return fmt.Errorf("signal %s to %s: %w", s, w.Name, err)
	}
	return nil
}

// Died says that it has ended though nobody told it to; nil otherwise.
func (w *Worker) Died() error {
	if w.life == nil {
		return nil
	}
	return w.life.Err()
}

// LastLines are the end of its log.
func (w *Worker) LastLines() string {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-logTailBytes):]))
}

// Log is all it has said since its last start.
func (w *Worker) Log() (string, error) {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return "", fmt.Errorf("log of %s: %w", w.Name, err)
	}
	_, last, _ := strings.Cut(string(text[max(0, strings.LastIndex(string(text), "-- started")):]), "\n")
	return last, nil
}

// get asks its telemetry for a path.
func (w *Worker) get(ctx context.Context, path string) (body string, err error) {
	url := w.life.url.Load()
	if url == nil {
		return "", fmt.Errorf("%s has not told where its telemetry is", w.Name)
	}
	return fetch(ctx, *url+path)
}
