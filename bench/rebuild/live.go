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
	lags                     []time.Duration // of every record: from its acknowledgement until the view that serves has it
}

// lag is the quantile q of the lags.
func (n noticed) lag(q float64) time.Duration {
	if len(n.lags) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(n.lags))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

const (
	liveTick    = 20 * time.Millisecond
	samplePause = 10 * time.Millisecond
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
	l := &live{stage: s, least: uint64(events), pending: map[int32][]pending{}}
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
	pending map[int32][]pending
	noticed noticed
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
			l.pending[partition] = append(l.pending[partition], pending{offset, time.Now()})
		})
		if err != nil {
			return err
		}
		written += due
	}
}

// sample looks how far the generation that serves is.
func (l *live) sample(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(samplePause):
		}
		g, found, err := l.stage.db.Serving(ctx, history)
		if err != nil || !found {
			return errors.Join(err, errors.New("nothing serves"))
		}
		at, err := l.stage.db.Vector(ctx, g)
		if err != nil {
			return err
		}
		l.seen(at, time.Now())
	}
}

func (l *live) seen(at clickhouse.Vector, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for p, waiting := range l.pending {
		n := 0
		for n < len(waiting) && waiting[n].offset < at[bank][p] {
			if l.counts {
				l.noticed.lags = append(l.noticed.lags, now.Sub(waiting[n].at))
			}
			n++
		}
		l.pending[p] = slices.Clone(waiting[n:])
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
