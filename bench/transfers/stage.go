package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/process"
)

// stage is what a round takes place on: a fresh broker, and the two roles.
type stage struct {
	*benchmark
	broker           *broker.Broker
	dir              string
	aggregator, saga *process.Process
}

func (b *benchmark) set(ctx context.Context) (*stage, error) {
	dir, err := os.MkdirTemp(b.Dir, "round-")
	if err != nil {
		return nil, err
	}
	st := &stage{benchmark: b, dir: dir}
	st.broker, err = b.Broker(ctx, broker.Variant(b.o.broker), int32(b.o.partitions), benchsubject.Bank)
	return st, err
}

// clear stops the broker and removes the round's files, also when ctx has ended.
func (st *stage) clear(ctx context.Context) error {
	return errors.Join(st.broker.Stop(context.WithoutCancel(ctx)), os.RemoveAll(st.dir))
}

// play carries out the transfers of laps, and checks what became of them.
func (st *stage) play(ctx context.Context, laps []*lap) error {
	p := newPaper(st.codec, st.o)
	opening, err := p.opening()
	if err != nil {
		return err
	}
	transfers := laps[len(laps)-1].until
	requests, err := p.requests(transfers)
	if err != nil {
		return err
	}
	if err := st.carryOut(ctx, laps, opening, requests); err != nil {
		return err
	}
	if err := verify(ctx, st.broker.Addr(), st.codec, transfers); err != nil {
		return fmt.Errorf("the money is not where it must be, so the times do not count: %w", err)
	}
	return nil
}

// carryOut has both roles at work while accounts are opened and transfers asked for, until every one has ended.
func (st *stage) carryOut(ctx context.Context, laps []*lap, opening, requests []*kgo.Record) (err error) {
	defer func() { err = errors.Join(err, st.end(ctx)) }()
	if err := errors.Join(st.start("aggregator", &st.aggregator), st.start("saga", &st.saga)); err != nil {
		return err
	}
	var marks []int
	for _, l := range laps {
		marks = append(marks, l.first, l.until)
	}
	w := newWatch(st.o.accounts, marks...)
	seen := make(chan mark, len(marks))
	w.mark = func(ended int, at time.Time) error {
		m, err := st.mark(ended, at)
		seen <- m
		return err
	}
	w.left = func(transfers int) {
		for _, l := range laps {
			l.room.leave(transfers)
		}
	}
	g, inner := errgroup.WithContext(ctx)
	g.Go(func() error { return w.read(inner, st.broker.Addr(), st.aggregator, st.saga) })
	g.Go(func() error {
		if err := st.send(inner, opening, func(context.Context, int) error { return nil }, func(int, time.Time) {}); err != nil {
			return err
		}
		select {
		case <-inner.Done():
			return inner.Err()
		case <-w.open:
		}
		for _, l := range laps {
			if err := st.ask(inner, l, w, requests[l.from:l.until], seen); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// start starts a role.
func (st *stage) start(role string, to **process.Process) (err error) {
	c := benchsubject.Config{
		Address: st.broker.Addr(), Sagas: role == "saga", Dir: filepath.Join(st.dir, role), Partitions: int32(st.o.partitions),
		Sessions: st.o.sessions, Batch: st.o.batch, Profile: st.o.profileOf(role),
	}
	if c.Sagas {
		c.Sessions = st.o.sagaSessions
	}
	*to, err = frame.Start(worker, c, process.Spec{Name: role, Dir: st.dir, Log: st.Log})
	return err
}

// end ends the roles that were started.
func (st *stage) end(ctx context.Context) (err error) {
	for _, p := range []*process.Process{st.aggregator, st.saga} {
		if p != nil {
			err = errors.Join(err, p.End(ctx))
		}
	}
	return err
}

// ask asks for the transfers of a lap and waits until they have ended.
func (st *stage) ask(ctx context.Context, l *lap, w *watch, requests []*kgo.Record, seen <-chan mark) error {
	l.begin(time.Now())
	err := st.send(ctx, requests, l.wait, func(n int, at time.Time) { w.accepted[l.from+n].Store(at.UnixNano()) })
	for _, m := range []*mark{&l.began, &l.ended} {
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case *m = <-seen:
		}
	}
	if err != nil {
		return err
	}
	if !l.paced() {
		st.Progress(fmt.Sprintf("%s transfers/s", report.Count(rate{l.began, l.ended}.perSecond())))
		return nil
	}
	l.period = w.period(l)
	st.Progress(fmt.Sprintf("p50 %s ms, p99 %s ms; a command p50 %s ms, p99 %s ms", report.MillisText(l.period.transfer.P50),
		report.MillisText(l.period.transfer.P99), report.MillisText(l.period.command.P50), report.MillisText(l.period.command.P99)))
	return nil
}

func (st *stage) send(ctx context.Context, records []*kgo.Record, wait func(ctx context.Context, n int) error, accepted func(n int, at time.Time)) error {
	return workload.Send(ctx, st.broker.Addr(), commandsTopic, each(records), wait, accepted)
}
