package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"recount/bench/frame"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/serde"
)

const (
	worker        = "worker" // a role
	commandsTopic = benchsubject.Commands
	eventsTopic   = benchsubject.Events
)

// benchmark is all rounds.
type benchmark struct {
	*frame.Scene
	o       options
	codec   *serde.Codec
	rates   []rate
	periods []period
}

// measure makes the rounds.
func measure(ctx context.Context, s *frame.Scene, o options) (r frame.Result, err error) {
	b := &benchmark{Scene: s, o: o}
	if b.codec, err = benchsubject.Offline(); err != nil {
		return r, err
	}
	for round := range o.rounds {
		if err := b.round(ctx); err != nil {
			return r, fmt.Errorf("round %d: %w", round+1, err)
		}
	}
	return b.result(ctx)
}

// round plays what was chosen on a broker of its own, and keeps what it came to once the money is known to be where it
// must be.
func (b *benchmark) round(ctx context.Context) (err error) {
	st, err := b.set(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.clear(ctx)) }()
	laps := b.laps()
	if err := st.play(ctx, laps); err != nil {
		return err
	}
	for _, l := range laps {
		l.keep(b)
	}
	return nil
}

// laps are what was chosen, one after the other: those for latency meet a broker that has compiled its code by then.
func (b *benchmark) laps() []*lap {
	var out []*lap
	next := 0
	add := func(transfers, first int, l *lap) {
		l.from, l.first, l.until = next, next+first, next+transfers
		out, next = append(out, l), l.until
	}
	for _, kind := range kinds() {
		if !slices.Contains(b.o.chosen(), kind) {
			continue
		}
		switch kind {
		case throughput:
			add(b.o.transfers, b.o.first, &lap{room: newRoom(b.o.inFlight)})
		case latency:
			transfers, first := b.o.paced()
			add(transfers, first, &lap{pace: workload.Pace{PerSecond: b.o.rate}})
		}
	}
	return out
}

// keep adds what a lap came to to the result.
func (l *lap) keep(b *benchmark) {
	if l.paced() {
		b.periods = append(b.periods, l.period)
		return
	}
	b.rates = append(b.rates, rate{l.began, l.ended})
}
