package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/internal/worker/aggregator"
)

// kill has a worker decide what came after the history, ends it in the middle of that as kill -9 does, and starts it again
// on the same disk. It must go on from that: a partition that is restored is a fault, and so is more than the tail.
func (b *benchmark) kill(ctx context.Context) (r restore, err error) {
	b.Progress(fmt.Sprintf("killing a worker that decides %s commands", report.Count(float64(b.o.tail))))
	dir := b.store(fromSnapshots)
	first, err := b.start(subject{Config: benchsubject.Config{Dir: dir}})
	if err != nil {
		return r, err
	}
	err = b.interrupt(ctx, first)
	if err = errors.Join(err, first.Kill()); err != nil {
		return r, err
	}
	again, err := b.start(subject{Config: benchsubject.Config{Dir: dir}})
	if err != nil {
		return r, err
	}
	r, err = b.goOn(ctx, again)
	if err = errors.Join(err, again.End(ctx)); err != nil {
		return r, err
	}
	if err := b.check(ctx, eventsTopic, b.o.plan.Commands, b.workload.Expected, true); err != nil {
		return r, err
	}
	return r, b.verify(dir, b.workload.Expected)
}

// interrupt returns when half of the tail is decided.
func (b *benchmark) interrupt(ctx context.Context, p *running) error {
	if _, _, err := p.await(ctx); err != nil {
		return err
	}
	if err := b.workload.LoadPart(ctx, b.broker.Addr(), commandsTopic, b.o.events, b.o.plan.Commands); err != nil {
		return err
	}
	return b.decided(ctx, p, aggregator.Group(bank), b.o.events+b.o.tail/2)
}

// goOn returns how long the worker took to be ready, once it has decided all that is left.
func (b *benchmark) goOn(ctx context.Context, p *running) (restore, error) {
	t, took, err := p.await(ctx)
	if err != nil {
		return restore{}, err
	}
	if t.Restored > 0 || t.Records > b.o.tail {
		return restore{}, fmt.Errorf("%d partitions were restored and %d records read: the disk was not gone on from", t.Restored, t.Records)
	}
	return restore{took: took, records: t.Records}, b.decided(ctx, p, aggregator.Group(bank), b.o.plan.Commands)
}

const decidedPoll = 10 * time.Millisecond

// decided waits until a group has committed so many commands.
func (b *benchmark) decided(ctx context.Context, p interface {
	Done() <-chan struct{}
	Err() error
}, group string, commands int) error {
	ctx, cancel := context.WithTimeout(ctx, restorePatience)
	defer cancel()
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.broker.Addr()))
	if err != nil {
		return err
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	for {
		offsets, err := admin.FetchOffsets(ctx, group)
		if ctx.Err() != nil {
			return fmt.Errorf("group %s has not decided %d commands: %w", group, commands, errors.Join(ctx.Err(), err))
		}
		sum := int64(0)
		for _, o := range offsets[commandsTopic] { // an error is a coordinator that is not there yet: asked again
			sum += max(0, o.At)
		}
		if sum >= int64(commands) {
			return nil
		}
		select {
		case <-p.Done():
			return errors.Join(errors.New("it ended before the commands did"), p.Err())
		case <-time.After(decidedPoll):
		}
	}
}
