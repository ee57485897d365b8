package demo

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"recount/cmd/internal/console"
)

const (
	// tellEvery is for how long nothing may happen before a person is told what is waited for, and how often that is said.
	tellEvery = 30 * time.Second
	// standstill is for how long nothing may happen before the demo gives up. On a machine with ten times as much to do as
	// it can, single steps have been seen to take minutes.
	standstill = 5 * time.Minute
)

// patience waits until things are done, and says what is missing when nothing happens for long.
type patience struct {
	line   *console.Status
	warned *lastWarning
}

// left is how much is missing until something is done, and what, in words.
type left struct {
	much int64
	what string
}

// unknown is how much is missing when nobody answers.
const unknown = math.MaxInt64

// until asks what is left until nothing is. It gives up when nothing has happened for long.
func (p patience) until(ctx context.Context, every time.Duration, doing string, ask func(context.Context) (left, error)) error {
	before, moved := int64(-1), time.Now()
	told := moved
	for {
		now, err := ask(ctx)
		switch still := time.Since(moved).Truncate(time.Second); {
		case err != nil:
			return err
		case now.much <= 0:
			return nil
		case now.much != before && now.much != unknown:
			before, moved = now.much, time.Now()
			told = moved
		case still >= standstill:
			return fmt.Errorf("%s: nothing has happened for %v: %s%s; --log-level debug tells more", doing, still, now.what, p.warned)
		case time.Since(told) >= tellEvery:
			told = time.Now()
			p.line.Tell("%s: nothing has happened for %v, and may yet until %v: %s%s", doing, still, standstill, now.what, p.warned)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		case <-time.After(every):
		}
	}
}

// inTime asks for as long as nothing has to be told. No answer by then is no error: it is one of the ways in which nothing
// happens.
func inTime(ctx context.Context, ask func(context.Context) (left, error)) (left, error) {
	asking, cancel := context.WithTimeout(ctx, tellEvery)
	defer cancel()
	found, err := ask(asking)
	if err != nil && asking.Err() != nil && ctx.Err() == nil {
		return left{unknown, fmt.Sprintf("nobody says what is left: %v", err)}, nil
	}
	return found, err
}

// lastWarning keeps what the roles warned of last, as a part of a sentence.
type lastWarning struct{ text atomic.Pointer[string] }

// Write keeps a line of a log.
func (w *lastWarning) Write(p []byte) (int, error) {
	text := "; the last warning: " + strings.TrimSpace(string(p))
	w.text.Store(&text)
	return len(p), nil
}

// String is empty if nobody has warned of anything.
func (w *lastWarning) String() string {
	if text := w.text.Load(); text != nil {
		return *text
	}
	return ""
}

// beside returns a log that writes what log does, whatever its level, and has warnings kept.
func (w *lastWarning) beside(log *slog.Logger) *slog.Logger {
	return slog.New(slog.NewMultiHandler(log.Handler(), slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn})))
}
