package meter

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errTooShort = errors.New("the run was over before its warm-up was seen to end: give it more commands")

// watch looks at a run's progress until its end. Its functions are the world outside.
type watch struct {
	commands, warmUp int64
	committed        func(context.Context) (int64, error)
	cpu              func() (contender, broker time.Duration, err error)
	ended            func() error

	begun bool
	start mark
}

// mark is what was seen at a moment.
type mark struct {
	at                time.Time
	commands          int64
	contender, broker time.Duration
}

func (w *watch) run(ctx context.Context) (Reading, error) {
	tick := time.NewTicker(sampleInterval)
	defer tick.Stop()
	var most int64
	moved := time.Now()
	for {
		n, err := w.committed(ctx)
		now := time.Now()
		switch {
		case err != nil:
			return Reading{}, err
		case n > w.commands:
			return Reading{}, fmt.Errorf("%d of %d commands are committed", n, w.commands)
		case n > most:
			most, moved = n, now
		case now.Sub(moved) > stallMax:
			return Reading{}, fmt.Errorf("no progress for %v: %d of %d commands are committed", stallMax, n, w.commands)
		}
		if done, reading, err := w.see(now, n); done || err != nil {
			return reading, err
		}
		select {
		case <-ctx.Done():
			return Reading{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// see takes note of a sample where it is the first after the warm-up, or the last.
func (w *watch) see(now time.Time, n int64) (done bool, r Reading, err error) {
	starts, ends := !w.begun && n >= w.warmUp, n == w.commands
	if starts && ends {
		return true, Reading{}, errTooShort
	}
	if !ends { // the end of the run may be that of the process
		if err := w.ended(); err != nil {
			return true, Reading{}, err
		}
	}
	if !starts && !ends {
		return false, Reading{}, nil
	}
	m := mark{at: now, commands: n}
	if m.contender, m.broker, err = w.cpu(); err != nil {
		return true, Reading{}, err
	}
	if starts {
		w.begun, w.start = true, m
		return false, Reading{}, nil
	}
	return true, Reading{
		Commands: m.commands - w.start.commands, Elapsed: m.at.Sub(w.start.at),
		ContenderCPU: m.contender - w.start.contender, BrokerCPU: m.broker - w.start.broker,
	}, nil
}
