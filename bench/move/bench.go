package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/ledger"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/kafka"
	"recount/internal/process"
	"recount/internal/statestore/pebble"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/steer"
)

const (
	worker        = "worker" // a role
	bank          = benchsubject.Bank
	commandsTopic = benchsubject.Commands
	eventsTopic   = benchsubject.Events

	startPatience = 2 * time.Minute
	loadEvery     = 5 * time.Millisecond
)

// benchmark is one broker, two workers and the moves between them.
type benchmark struct {
	*frame.Scene
	o        options
	broker   *broker.Broker
	workload *workload.Workload
	steer    steer.Steer
	seen     watch
	moves    []move
}

// move is one, as the reader saw it.
type move struct {
	steer.Moved
	began, ended time.Time

	pause    time.Duration // of the partition that moved
	others   time.Duration // the longest of any other, meanwhile
	ordinary time.Duration // the longest of any, in as much time before
}

func names() []string { return []string{"worker-1", "worker-2"} }

// measure plays, and checks what came of it.
func measure(ctx context.Context, s *frame.Scene, o options) (r frame.Result, err error) {
	b := &benchmark{Scene: s, o: o, seen: watch{arrived: map[int32][]time.Time{}}}
	codec, err := benchsubject.Offline()
	if err != nil {
		return r, err
	}
	b.Progress(fmt.Sprintf("encoding %s commands", report.Count(float64(o.plan.Commands))))
	if b.workload, err = workload.Write(ctx, o.plan, codec, filepath.Join(b.Dir, "commands")); err != nil {
		return r, err
	}
	if b.broker, err = b.Broker(ctx, broker.Tuned, o.plan.Partitions, bank); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.broker.Stop(context.WithoutCancel(ctx))) }()
	if err := b.play(ctx); err != nil {
		return r, err
	}
	check := ledger.Check{Address: b.broker.Addr(), Commands: commandsTopic, Events: eventsTopic, Codec: codec, Workload: b.workload, Chain: true}
	if _, err := check.Run(ctx); err != nil {
		return r, fmt.Errorf("the result is wrong, so its times do not count: %w", err)
	}
	return b.result(), nil
}

// runWorker is one of the aggregators, in a process of its own.
func runWorker(c benchsubject.Config, ctx context.Context) error {
	return c.With(ctx, func(ctx context.Context, _ *pebble.Root, cfg aggregator.Config) error {
		w, err := aggregator.New(ctx, cfg)
		if err != nil {
			return err
		}
		return w.Run(ctx)
	})
}

// play runs the workers, the load, the reader and the moves, until all commands are decided.
func (b *benchmark) play(ctx context.Context) (err error) {
	cfg := kafka.Config{Brokers: []string{b.broker.Addr()}}
	b.steer = steer.New(steer.Config{
		Kafka: cfg, Context: bank, Group: aggregator.Group(bank), Inputs: []string{commandsTopic, bank + kafka.DispatchSuffix},
		Events: eventsTopic, By: "bench", Now: time.Now,
	})
	standbys := 0
	if b.o.standbys {
		standbys = int(b.o.plan.Partitions)
	}
	for _, name := range names() {
		c := benchsubject.Config{Address: b.broker.Addr(), Dir: filepath.Join(b.Dir, name), Name: name, Partitions: b.o.plan.Partitions, Standbys: standbys}
		p, failed := frame.Start(worker, c, process.Spec{Name: name, Dir: b.Dir})
		if failed != nil {
			return failed
		}
		defer func() { err = errors.Join(err, p.End(ctx)) }()
	}
	if err := b.await(ctx, "both workers own partitions", b.shared); err != nil {
		return err
	}
	watching, unwatch := context.WithCancel(ctx)
	defer unwatch()
	g, inner := errgroup.WithContext(watching)
	g.Go(func() error { return b.seen.run(inner, b.broker.Addr(), b.o.plan.Partitions) })
	g.Go(func() error { return b.load(inner, cfg) })
	g.Go(func() error {
		defer unwatch()
		return b.steerAbout(inner)
	})
	return g.Wait()
}

// load writes the stream at its rate.
func (b *benchmark) load(ctx context.Context, cfg kafka.Config) error {
	to, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
	if err != nil {
		return err
	}
	defer to.Close()
	began, sent := time.Now(), 0
	failed := make(chan error, 1)
	for r, err := range b.workload.Records() {
		if err != nil {
			return err
		}
		for float64(sent) > time.Since(began).Seconds()*float64(b.o.rate) && ctx.Err() == nil {
			time.Sleep(loadEvery)
		}
		err = to.Produce(ctx, kafka.Command{Topic: commandsTopic, Partition: r.Partition, Key: r.Key, Value: r.Value}, func(_ int32, _ int64, err error) {
			if err != nil {
				select {
				case failed <- err:
				default: // one is enough
				}
			}
		})
		if err != nil {
			return err
		}
		sent++
	}
	if err := to.Flush(ctx); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// steerAbout moves the first worker's first partition to the second, and back, and so on.
func (b *benchmark) steerAbout(ctx context.Context) error {
	pause(ctx, b.o.warmUp)
	now, err := b.steer.Look(ctx)
	if err != nil {
		return err
	}
	first, _ := now.Worker(names()[0])
	p := first.Assigned[0]
	for i := range b.o.moves {
		to := names()[(i+1)%2]
		began := time.Now()
		m, err := b.steer.Move(ctx, p, to, func(steer.Step) {})
		if err != nil {
			return err
		}
		b.moves = append(b.moves, move{Moved: m, began: began, ended: time.Now()})
		b.Progress(fmt.Sprintf("move %d, to %s", i+1, to))
		pause(ctx, b.o.rest-time.Since(began))
	}
	if err := b.await(ctx, "every command is decided", b.decided); err != nil {
		return err
	}
	b.look()
	return nil
}

// look finds out what the reader saw of the moves, once everything has arrived: a gap has two ends.
func (b *benchmark) look() {
	for i := range b.moves {
		m := &b.moves[i]
		switched := m.ended.Add(-m.Switch)
		m.pause = b.seen.longest(m.Partition, switched, m.ended)
		for q := range b.o.plan.Partitions {
			if q != m.Partition {
				m.others = max(m.others, b.seen.longest(q, switched, m.ended))
			}
			m.ordinary = max(m.ordinary, b.seen.longest(q, m.began.Add(-b.o.rest/2), m.began))
		}
		b.Progress(fmt.Sprintf("move %d: warm after %v, paused for %v; others %v, ordinarily %v", i+1, m.Warming.Round(time.Millisecond),
			m.pause.Round(time.Millisecond), m.others.Round(time.Millisecond), m.ordinary.Round(time.Millisecond)))
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// shared says whether both workers have taken over a share.
func (b *benchmark) shared(ctx context.Context) (bool, error) {
	s, err := b.steer.Look(ctx)
	for p := range b.o.plan.Partitions {
		if o := s.Owner(p); err != nil || o == "" || !s.Owns(o, p) {
			return false, err
		}
	}
	return len(s.Workers) == len(names()) && len(s.Workers[0].Assigned) == len(s.Ends)/2, nil
}

func (b *benchmark) decided(ctx context.Context) (bool, error) {
	events, err := kafka.Extents(ctx, kafka.Config{Brokers: []string{b.broker.Addr()}}, commandsTopic)
	sent := int64(0)
	for _, e := range events[commandsTopic] {
		sent += e.End
	}
	if err != nil || sent < int64(b.o.plan.Commands) {
		return false, err
	}
	waiting, err := b.steer.Waiting(ctx)
	for _, n := range waiting {
		if n > 0 {
			return false, err
		}
	}
	return err == nil, err
}

func (b *benchmark) await(ctx context.Context, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for {
		done, err := ok(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %v", what, startPatience)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
