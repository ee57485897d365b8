package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/ledger"
	"recount/bench/meter"
	"recount/bench/workload"
	"recount/internal/process"
	"recount/internal/serde"
)

// stage is what one run of one contender takes place on: a fresh broker with the workload in it, and a folder.
type stage struct {
	broker   *broker.Broker
	dir      string
	codec    *serde.Codec
	workload *workload.Workload
	profile  string
	log      io.Writer
}

// run sets the stage, lets the contender play, and checks what it wrote.
func (b *benchmark) run(ctx context.Context, c contender) (reading meter.Reading, err error) {
	s, err := b.set(ctx)
	if err != nil {
		return reading, err
	}
	defer func() { err = errors.Join(err, s.clear(ctx)) }()
	if reading, err = s.play(ctx, c, b.o.warmUp); err != nil {
		return reading, err
	}
	if err := c.verify(ctx, s); err != nil {
		return reading, fmt.Errorf("its result is wrong, so its time does not count: %w", err)
	}
	return reading, nil
}

func (b *benchmark) set(ctx context.Context) (s *stage, err error) {
	s = &stage{codec: b.codec, workload: b.workload, log: b.Log, profile: b.o.profile}
	if s.dir, err = os.MkdirTemp(b.Dir, "run-"); err != nil {
		return nil, err
	}
	if s.broker, err = b.Broker(ctx, broker.Variant(b.o.broker), b.workload.Partitions, bank); err != nil {
		return nil, err
	}
	if err := b.workload.Load(ctx, s.broker.Addr(), commandsTopic); err != nil {
		return nil, errors.Join(err, s.clear(ctx))
	}
	return s, nil
}

// clear stops the broker and removes the run's files, also when ctx has ended.
func (s *stage) clear(ctx context.Context) error {
	return errors.Join(s.broker.Stop(context.WithoutCancel(ctx)), os.RemoveAll(s.dir))
}

// role starts this program as a contender.
func (s *stage) role(name string, config any) (*process.Process, error) {
	return frame.Start(name, config, process.Spec{Dir: s.dir, Log: s.log})
}

// play runs the contender until all is committed.
func (s *stage) play(ctx context.Context, c contender, warmUp int) (reading meter.Reading, err error) {
	p, err := c.start(s)
	if err != nil {
		return reading, err
	}
	defer func() { err = errors.Join(err, p.End(ctx)) }()
	return meter.Run{
		Address: s.broker.Addr(), Group: c.group(), Topic: commandsTopic,
		Commands: int64(s.workload.Commands), WarmUp: int64(warmUp), Contender: p, Broker: s.broker.Process,
	}.Measure(ctx)
}

func (s *stage) check(chain bool) ledger.Check {
	return ledger.Check{
		Address: s.broker.Addr(), Commands: commandsTopic, Events: eventsTopic, Codec: s.codec, Workload: s.workload, Chain: chain,
	}
}
