package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"recount/bench/broker"
	"recount/bench/ledger"
	"recount/bench/meter"
	"recount/bench/workload"
	"recount/internal/kafka"
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

const (
	// stopPatience is how long a contender may take to write its state and leave.
	stopPatience = 30 * time.Second
)

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
	s = &stage{codec: b.codec, workload: b.workload, log: b.log, profile: b.o.profile}
	if s.dir, err = os.MkdirTemp(b.dir, "run-"); err != nil {
		return nil, err
	}
	if s.broker, err = broker.Start(ctx, broker.Options{Variant: broker.Variant(b.o.broker), Progress: b.progress}); err != nil {
		return nil, err
	}
	cfg := kafka.Config{Brokers: []string{s.broker.Addr()}}
	err = kafka.EnsureTopics(ctx, cfg, []string{bank}, b.workload.Partitions, kafka.Replication{Factor: 1})
	if err == nil {
		err = b.workload.Load(ctx, s.broker.Addr(), commandsTopic)
	}
	if err != nil {
		return nil, errors.Join(err, s.clear(ctx))
	}
	return s, nil
}

// clear stops the broker and removes the run's files, also when ctx has ended.
func (s *stage) clear(ctx context.Context) error {
	return errors.Join(s.broker.Stop(context.WithoutCancel(ctx)), os.RemoveAll(s.dir))
}

// play runs the contender until all is committed.
func (s *stage) play(ctx context.Context, c contender, warmUp int) (reading meter.Reading, err error) {
	p, err := c.start(s)
	if err != nil {
		return reading, err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
		defer cancel()
		err = errors.Join(err, p.Stop(ctx))
	}()
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
