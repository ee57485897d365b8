package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/process"
	"recount/internal/serde"
)

// watch notes, for each command, when the broker accepted it and when its event could be read as committed.
type watch struct {
	codec    *serde.Codec
	numbers  [][]int // by partition and offset
	commands int
	pace     workload.Pace

	accepted  []atomic.Int64 // Unix nanoseconds; 0: not yet
	committed []int64
	places    []place // of the commands' events
	seen      int
}

func newWatch(w *workload.Workload, codec *serde.Codec) (*watch, error) {
	numbers, err := w.Numbers()
	if err != nil {
		return nil, err
	}
	return &watch{
		codec: codec, numbers: numbers, commands: w.Commands,
		accepted: make([]atomic.Int64, w.Commands), committed: make([]int64, w.Commands), places: make([]place, w.Commands),
	}, nil
}

// stallMax is how long nothing may be committed: a JVM and its group need some seconds at the start.
const stallMax = 90 * time.Second

// read reads events until there is one of each command.
func (w *watch) read(ctx context.Context, address string, contender *process.Process) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(eventsTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer cl.Close()
	moved := time.Now()
	for w.seen < w.commands {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches := cl.PollFetches(poll)
		cancel()
		now := time.Now()
		select {
		case <-contender.Done():
			return fmt.Errorf("the contender ended in the middle of a run: %w", contender.Err())
		default:
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := fetches.Err0(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("reading events: %w", err)
		}
		if fetches.NumRecords() > 0 {
			moved = now
		}
		if now.Sub(moved) > stallMax {
			return fmt.Errorf("nothing was committed for %v, after %d of %d events", stallMax, w.seen, w.commands)
		}
		for r := range fetches.RecordsAll() {
			if err := w.note(r.Value, place{r.Partition, r.Offset}, now); err != nil {
				return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
	}
	return nil
}

// note takes an event that was read at a moment.
func (w *watch) note(frame []byte, p place, at time.Time) error {
	e, err := w.codec.Context(benchsubject.Bank).DecodeEventMeta(frame)
	if err != nil {
		return err
	}
	s := &e.Meta.Source
	if int(s.Partition) >= len(w.numbers) || s.Offset < 0 || s.Offset >= int64(len(w.numbers[s.Partition])) {
		return fmt.Errorf("it tells of a command at %d@%d, which was never sent", s.Partition, s.Offset)
	}
	n := w.numbers[s.Partition][s.Offset]
	if w.committed[n] != 0 {
		return fmt.Errorf("command %d was decided twice", n)
	}
	w.committed[n], w.places[n] = at.UnixNano(), p
	w.seen++
	return nil
}

// reading is what came of the commands from number first on.
type reading struct {
	due      report.Delays // from when a command was due until its event was read
	accepted report.Delays // the same from when the broker had accepted it
	// balances and history are from when a command was due until ClickHouse showed it, in a run that has views.
	balances, history report.Delays
}

func (w *watch) reading(first int) reading {
	var accepted []time.Duration
	for n := first; n < w.commands; n++ {
		// An event may be read before its command's sender has heard of the command's acceptance.
		accepted = append(accepted, max(0, time.Duration(w.committed[n]-w.accepted[n].Load())))
	}
	return reading{due: report.DelaysOf(w.dueFrom(first)), accepted: report.DelaysOf(accepted)}
}

// seenIn is how long each command took until its event could be seen in a table, from when it was due.
func (w *watch) seenIn(s *sight, first int) (out []time.Duration) {
	for n := first; n < w.commands; n++ {
		steps := s.steps[w.places[n].partition]
		at, _ := slices.BinarySearchFunc(steps, w.places[n].offset, func(s step, offset int64) int { return cmp.Compare(s.offset, offset) })
		out = append(out, steps[at].at.Sub(w.pace.Due(n)))
	}
	return out
}

// dueFrom is how long each command took, from when it was due.
func (w *watch) dueFrom(first int) (out []time.Duration) {
	for n := first; n < w.commands; n++ {
		out = append(out, time.Duration(w.committed[n]-w.pace.Due(n).UnixNano()))
	}
	return out
}
