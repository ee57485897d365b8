package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"recount/bench/frame"
	benchsubject "recount/bench/subject"
	"recount/internal/process"
)

// running is an aggregator's process.
type running struct {
	*process.Process
	started time.Time
	told    chan told
}

// start starts this program as an aggregator.
func (b *benchmark) start(s subject) (*running, error) {
	s.Address, s.Partitions, s.DedupWindow = b.broker.Addr(), b.o.plan.Partitions, b.o.dedup
	var err error
	r := &running{started: time.Now(), told: make(chan told, 1)}
	r.Process, err = frame.Start(worker, s, process.Spec{
		Name: "the aggregator", Dir: b.Dir, Log: b.Log,
		OnLine: func(line string) {
			if text, ok := strings.CutPrefix(line, toldPrefix); ok {
				var t told
				if json.Unmarshal([]byte(text), &t) == nil {
					r.told <- t
				}
			}
		},
	})
	return r, err
}

// restorePatience is far beyond the longest restore.
const restorePatience = 10 * time.Minute

// await waits until the process has what it was started for, and takes the time since its start.
func (r *running) await(ctx context.Context) (told, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	select {
	case t := <-r.told:
		return t, time.Since(r.started), nil
	case <-r.Done():
		return told{}, 0, errors.Join(errors.New("it ended before it was ready"), r.Err())
	case <-ctx.Done():
		return told{}, 0, fmt.Errorf("it was not ready: %w%s", ctx.Err(), r.LastLines())
	}
}

func (b *benchmark) store(name string) string { return filepath.Join(b.Dir, "store-"+name) }

// rebuild fills an empty disk from zero or from snapshots: the time is that of a process, from its start to stores that are
// complete and synced. What they hold is checked.
func (b *benchmark) rebuild(ctx context.Context, from string) (restore, error) {
	dir := b.store(from)
	if err := os.RemoveAll(dir); err != nil {
		return restore{}, err
	}
	s := subject{Config: benchsubject.Config{Dir: dir}, Rebuild: true, FromZero: from == fromZero}
	if b.o.profile != "" {
		s.RebuildProfile = filepath.Join(b.o.profile, from+".pprof")
	}
	p, err := b.start(s)
	if err != nil {
		return restore{}, err
	}
	t, took, err := p.await(ctx)
	if err = errors.Join(err, p.End(ctx)); err != nil {
		return restore{}, err
	}
	if from == fromZero && t != (told{Records: b.o.events}) || from == fromSnapshots && t.Snapshots == 0 {
		return restore{}, fmt.Errorf("%d snapshots and %d records were read of %d events", t.Snapshots, t.Records, b.o.events)
	}
	if err := b.verify(dir, b.past); err != nil {
		return restore{}, fmt.Errorf("its result is wrong, so its time does not count: %w", err)
	}
	return restore{took, t.Snapshots, t.Records}, nil
}
