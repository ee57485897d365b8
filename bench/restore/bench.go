package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/history"
	"recount/bench/ledger"
	"recount/bench/report"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/kafka"
	"recount/internal/serde"
)

// Contexts: the bank is Recount's, and the topic of events of the other is the peer's.
const (
	bank          = benchsubject.Bank
	peers         = "streams"
	commandsTopic = benchsubject.Commands
	eventsTopic   = benchsubject.Events
	peerTopic     = peers + kafka.EventsSuffix
)

// benchmark is one broker with a history, and what is measured on it.
type benchmark struct {
	*frame.Scene
	o        options
	broker   *broker.Broker
	codec    *serde.Codec
	workload *workload.Workload
	past     []workload.Account // what accounts have come to when the history ends
	peer     *peer              // nil: it is left out

	restores map[string][]restore // by kind
	killed   restore
}

// restore is one measured way back to a ready state.
type restore struct {
	took               time.Duration
	snapshots, records int
}

// measure writes a history and restores it in every way.
func measure(ctx context.Context, s *frame.Scene, o options) (r frame.Result, err error) {
	b := &benchmark{Scene: s, o: o, restores: map[string][]restore{}}
	if b.broker, err = b.Broker(ctx, broker.Tuned, o.plan.Partitions, bank, peers); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, b.broker.Stop(context.WithoutCancel(ctx))) }()
	if err := b.measure(ctx); err != nil {
		return r, err
	}
	conditions, err := b.conditions(ctx)
	if err != nil {
		return r, err
	}
	return b.table(conditions), nil
}

func (b *benchmark) measure(ctx context.Context) (err error) {
	if err := b.write(ctx); err != nil {
		return err
	}
	if b.o.peer {
		if b.peer, err = b.preparePeer(ctx); err != nil {
			return err
		}
	}
	if err := b.rounds(ctx); err != nil {
		return err
	}
	b.killed, err = b.kill(ctx)
	return err
}

// write writes the history, and checks it.
func (b *benchmark) write(ctx context.Context) (err error) {
	if b.codec, err = benchsubject.Offline(); err != nil {
		return err
	}
	b.Progress(fmt.Sprintf("encoding %s commands", report.Count(float64(b.o.plan.Commands))))
	if b.workload, err = workload.Write(ctx, b.o.plan, b.codec, filepath.Join(b.Dir, "commands")); err != nil {
		return err
	}
	b.past = b.o.plan.Expected(b.o.events)
	if err := b.workload.LoadPart(ctx, b.broker.Addr(), commandsTopic, 0, b.o.events); err != nil {
		return err
	}
	b.Progress(fmt.Sprintf("writing %s events", report.Count(float64(b.o.events))))
	until := time.Now()
	if err := (history.History{
		Address: b.broker.Addr(), Context: bank, Codec: b.codec, Workload: b.workload,
		Commands: b.o.events, Checkpoint: b.o.events - b.o.since, From: until.Add(-b.o.history), Until: until,
	}).Write(ctx); err != nil {
		return err
	}
	b.Progress("checking them")
	return b.check(ctx, eventsTopic, b.o.events, b.past, true)
}

// check returns nil if a topic of events holds what the first commands lead to.
func (b *benchmark) check(ctx context.Context, topic string, commands int, expected []workload.Account, chain bool) error {
	part := *b.workload
	part.Commands, part.Expected = commands, expected
	_, err := ledger.Check{
		Address: b.broker.Addr(), Commands: commandsTopic, Events: topic, Codec: b.codec, Workload: &part, Chain: chain,
	}.Run(ctx)
	return err
}

// rounds restores in every way once a round.
func (b *benchmark) rounds(ctx context.Context) error {
	type way struct {
		name string
		run  func(context.Context) (restore, error)
	}
	ways := []way{
		{fromZero, func(ctx context.Context) (restore, error) { return b.rebuild(ctx, fromZero) }},
		{fromSnapshots, func(ctx context.Context) (restore, error) { return b.rebuild(ctx, fromSnapshots) }},
	}
	if b.peer != nil {
		ways = append(ways, way{streams, b.peer.restore})
	}
	for round := range b.o.rounds {
		for _, w := range frame.Turn(ways, round) {
			r, err := w.run(ctx)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, title(w.name), err)
			}
			b.restores[w.name] = append(b.restores[w.name], r)
			b.Progress(fmt.Sprintf("round %d  %-24s %.2f s for %s records", round+1, title(w.name), r.took.Seconds(), report.Count(float64(r.snapshots+r.records))))
		}
	}
	return nil
}
