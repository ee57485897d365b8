package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"recount/internal/clickhouse"
)

// noticed is what those who use the views noticed of a rebuild.
type noticed struct {
	queries, failed, partial int
	slowest                  time.Duration
	// lags are those of every record in a view: from its acknowledgement until the generation that serves has it.
	lags map[string][]time.Duration
}

// lag is the quantile q of the lags in a view.
func (n noticed) lag(view string, q float64) time.Duration {
	if len(n.lags[view]) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(n.lags[view]))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

const (
	liveTick    = 20 * time.Millisecond
	samplePause = 50 * time.Millisecond
	// settleTime lets projectors that have just joined get going before what is noticed counts.
	settleTime = 5 * time.Second
)

// beside rebuilds while projectors follow, events come and analysts ask.
func (s *stage) beside(ctx context.Context, events int) (t told, n noticed, err error) {
	p, err := s.start(projectors, nil)
	if err != nil {
		return t, n, err
	}
	defer func() { err = errors.Join(err, p.End(ctx)) }()
	l := &live{stage: s, least: uint64(events), pending: map[place][]pending{}}
	l.noticed.lags = map[string][]time.Duration{}
	running, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	var faults [3]error
	for i, run := range []func(context.Context) error{l.write, l.sample, l.ask} {
		wg.Go(func() {
			if err := run(running); err != nil && running.Err() == nil {
				faults[i] = err
			}
		})
	}
	defer func() { stop(); wg.Wait(); err = errors.Join(err, errors.Join(faults[:]...)); n = l.noticed }()
	select {
	case <-time.After(settleTime):
	case <-ctx.Done():
		return t, n, ctx.Err()
	}
	l.begin()
	t, err = s.rebuild(ctx)
	return t, n, err
}

// live is the life beside a rebuild.
type live struct {
	stage *stage
	least uint64 // rows that the views had from the start

	mu      sync.Mutex
	counts  bool // what is noticed is noted
	pending map[place][]pending
	noticed noticed
}

// watched are the views whose lag is measured.
func watched() []string { return []string{balances, history} }

// place is a partition of a view.
type place struct {
	view      string
	partition int32
}

// pending is a record that was acknowledged and not seen yet.
type pending struct {
	offset int64
	at     time.Time
}

func (l *live) begin() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts = true
}

// write writes events at a rate.
func (l *live) write(ctx context.Context) error {
	began, written := time.Now(), 0
	ticks := time.NewTicker(liveTick)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		due := int(time.Since(began).Seconds()*float64(l.stage.o.live)) - written
		if due <= 0 {
			continue
		}
		err := l.stage.log.Append(context.WithoutCancel(ctx), due, func(partition int32, offset int64) {
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, view := range watched() {
				at := place{view, partition}
				l.pending[at] = append(l.pending[at], pending{offset, time.Now()})
			}
		})
		if err != nil {
			return err
		}
		written += due
	}
}

// sample looks how far the generations that serve are.
func (l *live) sample(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(samplePause):
		}
		for _, view := range watched() {
			g, found, err := l.stage.db.Serving(ctx, view)
			if err != nil || !found {
				return errors.Join(err, errors.New("nothing serves"))
			}
			reached, err := l.stage.db.Vector(ctx, g)
			if err != nil {
				return err
			}
			l.seen(view, reached, time.Now())
		}
	}
}

func (l *live) seen(view string, reached clickhouse.Vector, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for at, waiting := range l.pending {
		if at.view != view {
			continue
		}
		n := 0
		for n < len(waiting) && waiting[n].offset < reached[bank][at.partition] {
			if l.counts {
				l.noticed.lags[view] = append(l.noticed.lags[view], now.Sub(waiting[n].at))
			}
			n++
		}
		l.pending[at] = slices.Clone(waiting[n:])
	}
}

// questions are what analysts ask, in turns. Each answers with a number that never falls below what there was.
func (l *live) questions() []string {
	return []string{
		"SELECT count() FROM " + history,
		"SELECT toUInt64(sum(version)) FROM " + balances,
	}
}

func (l *live) ask(ctx context.Context) error {
	pause := time.Second / time.Duration(l.stage.o.queries)
	ticks := time.NewTicker(pause)
	defer ticks.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		question := l.questions()[i%len(l.questions())]
		wg.Go(func() { l.question(ctx, question) })
	}
}

func (l *live) question(ctx context.Context, question string) {
	began := time.Now()
	var rows uint64
	err := l.stage.db.Row(ctx, question).Scan(&rows)
	if ctx.Err() != nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.counts {
		return
	}
	l.noticed.queries++
	l.noticed.slowest = max(l.noticed.slowest, time.Since(began))
	switch {
	case err != nil:
		l.noticed.failed++
		l.stage.Progress(fmt.Sprintf("a question failed: %v", err))
	case rows < l.least:
		l.noticed.partial++
		l.stage.Progress(fmt.Sprintf("a question saw %d of %d rows", rows, l.least))
	}
}
