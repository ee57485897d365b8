package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/bench/broker"
	"recount/bench/ledger"
	"recount/bench/process"
	"recount/bench/report"
	"recount/bench/workload"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
	"recount/internal/worker/steer"
)

const (
	bank          = "bank"
	commandsTopic = bank + kafka.CommandsSuffix
	eventsTopic   = bank + kafka.EventsSuffix

	startPatience = 2 * time.Minute
	stopPatience  = 30 * time.Second
	loadEvery     = 5 * time.Millisecond
)

// benchmark is one broker, two workers and the moves between them.
type benchmark struct {
	o        options
	dir      string
	broker   *broker.Broker
	workload *workload.Workload
	steer    steer.Steer
	seen     watch
	moves    []move
	progress func(string)
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

// bench measures, and writes the result to a file and as a table to out.
func bench(ctx context.Context, o options, out, messages io.Writer) (err error) {
	began := time.Now()
	b := &benchmark{o: o, seen: watch{arrived: map[int32][]time.Time{}}, progress: func(s string) {
		fmt.Fprintf(messages, "%4.0fs  %s\n", time.Since(began).Seconds(), s)
	}}
	machine := report.Machine(began)
	if b.dir, err = os.MkdirTemp("", "recount-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	codec, err := offline()
	if err != nil {
		return err
	}
	b.progress(fmt.Sprintf("encoding %s commands", report.Count(float64(o.plan.Commands))))
	if b.workload, err = workload.Write(ctx, o.plan, codec, filepath.Join(b.dir, "commands")); err != nil {
		return err
	}
	if b.broker, err = broker.Start(ctx, broker.Options{Progress: b.progress}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.broker.Stop(context.WithoutCancel(ctx))) }()
	if err := b.play(ctx); err != nil {
		return err
	}
	check := ledger.Check{Address: b.broker.Addr(), Commands: commandsTopic, Events: eventsTopic, Codec: codec, Workload: b.workload, Chain: true}
	if _, err := check.Run(ctx); err != nil {
		return fmt.Errorf("the result is wrong, so its times do not count: %w", err)
	}
	return b.tell(out, machine)
}

// play runs the workers, the load, the reader and the moves, until all commands are decided.
func (b *benchmark) play(ctx context.Context) (err error) {
	cfg := kafka.Config{Brokers: []string{b.broker.Addr()}}
	if err := kafka.EnsureTopics(ctx, cfg, []string{bank}, b.o.plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		return err
	}
	b.steer = steer.New(steer.Config{
		Kafka: cfg, Context: bank, Group: aggregator.Group(bank), Inputs: []string{commandsTopic, bank + kafka.DispatchSuffix},
		Events: eventsTopic, By: "bench", Now: time.Now,
	})
	standbys := 0
	if b.o.standbys {
		standbys = int(b.o.plan.Partitions)
	}
	for _, name := range names() {
		p, err := subject{Address: b.broker.Addr(), Dir: b.dir, Name: name, Partitions: b.o.plan.Partitions, Standbys: standbys}.start()
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop(ctx, p)) }()
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

func stop(ctx context.Context, p *process.Process) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopPatience)
	defer cancel()
	return p.Stop(ctx)
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
		b.progress(fmt.Sprintf("move %d, to %s", i+1, to))
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
		b.progress(fmt.Sprintf("move %d: warm after %v, paused for %v; others %v, ordinarily %v", i+1, m.Warming.Round(time.Millisecond),
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
