package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	benchsubject "recount/bench/subject"
	"recount/internal/clickhouse"
	"recount/internal/nice"
	"recount/internal/worker/projector"
	"recount/internal/worker/rebuild"
)

// What is measured: roles.
const (
	rebuilder  = "rebuilder"
	projectors = "projectors"
)

const (
	bank        = benchsubject.Bank
	database    = "bench"
	eventsTopic = benchsubject.Events
	history     = "account_history"
	balances    = "account_balances"
	memoryBytes = 1 << 30
)

// subjectConfig is what a subject is told.
type subjectConfig struct {
	Broker, URL  string
	Lanes, Block int
	Nice         int    // of the rebuilder
	Profile      string // a file for the rebuilder's processor profile; empty: none
}

// told is what a rebuilder says of itself when it has ended.
type told struct {
	FillSeconds   float64 `json:"fill_seconds"` // from the first record asked for to the last block's watermark
	VerifySeconds float64 `json:"verify_seconds"`
	SwitchMillis  float64 `json:"switch_ms"` // the longest of the views
	Rows          int64   `json:"rows"`
	PeakMiB       float64 `json:"peak_mib"` // of resident memory
}

// views are the projectors of the two views that are measured.
func (c subjectConfig) views() benchsubject.Views {
	return benchsubject.Views{Address: c.Broker, URL: c.URL, Database: database, Only: []string{balances, history}}
}

// project follows the log, as projectors run does.
func (c subjectConfig) project(ctx context.Context) error { return c.views().Run(ctx) }

// rebuild rebuilds the views, and tells what that took.
func (c subjectConfig) rebuild(ctx context.Context) error {
	debug.SetMemoryLimit(memoryBytes * 9 / 10)
	if err := nice.Yield(c.Nice); err != nil {
		return err
	}
	return c.views().With(ctx, func(cfg projector.Config) error { return c.rebuildBy(ctx, cfg) })
}

func (c subjectConfig) rebuildBy(ctx context.Context, cfg projector.Config) error {
	watch := &stopwatch{}
	r, err := rebuild.New(ctx, rebuild.Config{
		Projector: cfg, Who: "the benchmark", Block: c.Block, Lanes: c.Lanes, Observer: watch, Log: cfg.Log, Patience: 10 * time.Second,
	})
	if err != nil {
		return err
	}
	stop, err := benchsubject.Profile(c.Profile)
	if err != nil {
		return err
	}
	_, err = r.Rebuild(ctx, []string{balances, history}, rebuild.Options{Keep: 1})
	if err := errors.Join(err, stop()); err != nil {
		return err
	}
	if watch.PeakMiB, err = peakMiB(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(watch.told)
}

// stopwatch observes a rebuild.
type stopwatch struct {
	mu     sync.Mutex
	made   time.Time
	filled bool
	told
}

// At takes the time from the moment the last view's tables were made to that when the first is filled, which is both's.
func (s *stopwatch) At(_ string, p rebuild.Point) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case p == rebuild.Made:
		s.made = time.Now()
	case p == rebuild.Filled && !s.filled:
		s.filled, s.FillSeconds = true, time.Since(s.made).Seconds()
	}
}

// Filling keeps the number of rows.
func (s *stopwatch) Filling(p rebuild.Progress) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Rows = p.Rows
	fmt.Fprintf(os.Stderr, "%d of %d, %.0f/s\n", p.Done, p.Total, p.Rate())
}

// Compared adds up the time.
func (s *stopwatch) Compared(_ string, _ clickhouse.Comparison, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.VerifySeconds += took.Seconds()
}

// Switched keeps the longest switch.
func (s *stopwatch) Switched(_ string, _ int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.SwitchMillis = max(s.SwitchMillis, float64(took.Microseconds())/1000)
}

// peakMiB is the most memory this process has had, as Linux tells; 0 elsewhere.
func peakMiB() (float64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	m := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(text)
	if err != nil || m == nil {
		return 0, errors.Join(errors.New("the peak of memory can't be read"), err)
	}
	kib, err := strconv.ParseFloat(string(m[1]), 64)
	return kib / 1024, err
}
