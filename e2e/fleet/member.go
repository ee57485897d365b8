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

	"recount/internal/process"
)

// Member is one of Recount's roles in a process of its own, through all of its lives.
type Member struct {
	Name string
	// State is the folder of its store; empty: it has none.
	State string

	log     string // the file of what it says, in all of its lives
	program string
	args    []string
	life    atomic.Pointer[life] // nil: it was never started
}

// life is one process.
type life struct {
	*process.Process
	log *os.File
	// Where it is, once it has told: its telemetry, and an ingest's API.
	url, api atomic.Pointer[string]
}

const (
	stopPatience = time.Minute
	logTailBytes = 5 << 10
)

// These are how a program tells where it is.
var (
	telemetryLine = regexp.MustCompile(`msg=telemetry .*url=(http://\S+)/metrics`)
	ingestLine    = regexp.MustCompile(`msg=ingest .*url=(http://\S+)`)
)

// Start starts the member, or starts it again as who it was. It does not wait until it is ready.
func (m *Member) Start() error {
	file, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", m.Name, err)
	}
	l := &life{log: file}
	fmt.Fprintf(file, "-- started %s\n", time.Now().UTC().Format(time.StampMilli))
	l.Process, err = process.Start(process.Spec{
		Name: m.Name, Path: m.program, Args: m.args, Log: file,
		OnLine: func(line string) {
			for pattern, at := range map[*regexp.Regexp]*atomic.Pointer[string]{telemetryLine: &l.url, ingestLine: &l.api} {
				if found := pattern.FindStringSubmatch(line); found != nil {
					at.Store(&found[1])
				}
			}
		},
	})
	if err != nil {
		return errors.Join(err, file.Close())
	}
	m.life.Store(l)
	return nil
}

// Kill ends its process at once (kill -9), frozen or not.
func (m *Member) Kill() error {
	l := m.life.Load()
	if l == nil {
		return nil
	}
	return errors.Join(l.Kill(), l.closeLog())
}

// Stop asks it to end, as an operator does, and waits for that. A frozen one is to be thawed first.
func (m *Member) Stop(ctx context.Context) error {
	l := m.life.Load()
	if l == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, stopPatience)
	defer cancel()
	return errors.Join(l.Stop(ctx), l.closeLog())
}

func (l *life) closeLog() error {
	if err := l.log.Close(); !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// Freeze stops it in whatever it does (SIGSTOP); Thaw lets it go on from there.
func (m *Member) Freeze() error { return m.signal(syscall.SIGSTOP) }

// Thaw lets a frozen member go on.
func (m *Member) Thaw() error { return m.signal(syscall.SIGCONT) }

func (m *Member) signal(s syscall.Signal) error {
	if err := syscall.Kill(m.life.Load().PID(), s); err != nil {
		return fmt.Errorf("signal %s to %s: %w", s, m.Name, err)
	}
	return nil
}

// API is where an ingest takes commands, a URL; empty: it has not told yet. It may be called while others start or kill it.
func (m *Member) API() string {
	if l := m.life.Load(); l != nil {
		if url := l.api.Load(); url != nil {
			return *url
		}
	}
	return ""
}

// Died says that it has ended though nobody told it to; nil otherwise.
func (m *Member) Died() error {
	if l := m.life.Load(); l != nil {
		return l.Err()
	}
	return nil
}

// LastLines are the end of its log.
func (m *Member) LastLines() string {
	text, err := os.ReadFile(m.log)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text[max(0, len(text)-logTailBytes):]))
}

// Log is all it has said since its last start.
func (m *Member) Log() (string, error) {
	text, err := os.ReadFile(m.log)
	if err != nil {
		return "", fmt.Errorf("log of %s: %w", m.Name, err)
	}
	_, last, _ := strings.Cut(string(text[max(0, strings.LastIndex(string(text), "-- started")):]), "\n")
	return last, nil
}

// get asks its telemetry for a path.
func (m *Member) get(ctx context.Context, path string) (body string, err error) {
	url := m.life.Load().url.Load()
	if url == nil {
		return "", fmt.Errorf("%s has not told where its telemetry is", m.Name)
	}
	return fetch(ctx, *url+path)
}
