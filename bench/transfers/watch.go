package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/process"
)

// watch notes, for each transfer, when the broker accepted its request, when the event of that could be read as committed,
// and when the event that ends it could. It reads nothing but the events' keys, which tell aggregate and version.
type watch struct {
	accounts int

	accepted         []atomic.Int64 // Unix nanoseconds; 0: not yet
	requested, ended []int64
	opened, done     int

	// open is closed when all accounts are open. left is told of transfers that have ended.
	open chan struct{}
	left func(transfers int)
	// marks are how many transfers must have ended for mark to be called, rising; the last is all.
	marks []int
	mark  func(ended int, at time.Time) error
}

func newWatch(accounts int, marks ...int) *watch {
	transfers := marks[len(marks)-1]
	return &watch{
		accounts: accounts, accepted: make([]atomic.Int64, transfers), requested: make([]int64, transfers), ended: make([]int64, transfers),
		open: make(chan struct{}), left: func(int) {}, marks: marks, mark: func(int, time.Time) error { return nil },
	}
}

// stallMax is how long nothing may be committed: the roles and their groups need some seconds at the start.
const stallMax = 90 * time.Second

// read reads events until every transfer has ended, or one of the processes has.
func (w *watch) read(ctx context.Context, address string, processes ...*process.Process) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(eventsTopic), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for moved := time.Now(); w.done < len(w.ended); {
		poll, cancel := context.WithTimeout(ctx, time.Second)
		fetches := cl.PollFetches(poll)
		cancel()
		now := time.Now()
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
			return fmt.Errorf("nothing was committed for %v, after %d of %d transfers", stallMax, w.done, len(w.ended))
		}
		if err := errors.Join(living(processes), w.take(fetches, now)); err != nil {
			return err
		}
	}
	return nil
}

// living returns how processes have ended that must not have.
func living(processes []*process.Process) error {
	for _, p := range processes {
		select {
		case <-p.Done():
			return fmt.Errorf("a role ended in the middle of a run: %w", p.Err())
		default:
		}
	}
	return nil
}

// take notes what was read at a moment, and tells of it.
func (w *watch) take(fetches kgo.Fetches, at time.Time) error {
	done, opened := w.done, w.opened
	for r := range fetches.RecordsAll() {
		if err := w.note(r.Key, at); err != nil {
			return fmt.Errorf("%s/%d@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
	}
	if all := w.accounts * openings; opened < all && w.opened >= all {
		close(w.open)
	}
	w.left(w.done - done)
	for ; len(w.marks) > 0 && w.done >= w.marks[0]; w.marks = w.marks[1:] {
		if err := w.mark(w.done, at); err != nil {
			return err
		}
	}
	return nil
}

// note takes an event that was read at a moment, by its key: "<aggregate type>/<aggregate ID>/<version>".
func (w *watch) note(key []byte, at time.Time) error {
	id, transfer := bytes.CutPrefix(key, []byte("transfer/t-"))
	if !transfer {
		w.opened++ // or more: once all are open, it is no matter
		return nil
	}
	digits, version, _ := bytes.Cut(id, []byte("/"))
	n, err := strconv.Atoi(string(digits))
	if err != nil || n < 0 || n >= len(w.ended) {
		return fmt.Errorf("%q: nobody asked for this transfer", key)
	}
	of := w.requested
	switch string(version) {
	case "1":
	case "2":
		of = w.ended
		w.done++
	default:
		return fmt.Errorf("%q: a transfer is requested, and ends", key)
	}
	if of[n] != 0 {
		return fmt.Errorf("%q: it is there twice", key)
	}
	of[n] = at.UnixNano()
	return nil
}
