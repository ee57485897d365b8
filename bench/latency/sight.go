package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/clickhouse"
)

// place is where an event stands.
type place struct {
	partition int32
	offset    int64
}

// sight notes what can be seen of a table of views: asked again and again for the newest offset of each partition, it tells
// when an event could be read at the latest. A range's rows appear together and ranges follow each other, so who sees an
// offset sees all before it.
type sight struct {
	table string
	pause time.Duration
	db    *clickhouse.DB
	// until, once known, is the last offset of each partition: when all of them are seen, there is nothing left to see.
	until *atomic.Pointer[map[int32]int64]

	mu    sync.Mutex
	steps map[int32][]step
}

// step is the newest offset that was seen at a moment, and not before.
type step struct {
	offset int64
	at     time.Time
}

// The time between an answer and the next question: the more often it is asked, the more it takes from those it looks at.
// All of it counts as time in which nothing could be seen.
const (
	balancesPause = 30 * time.Millisecond
	historyPause  = 250 * time.Millisecond
)

// watch asks until everything is seen.
func (s *sight) watch(ctx context.Context) error {
	for moved := time.Now(); ; {
		var rows []struct {
			Partition int32 `ch:"partition"`
			Newest    int64 `ch:"newest"`
		}
		if err := s.db.Select(ctx, &rows, "SELECT partition, max(offset) AS newest FROM "+s.table+" GROUP BY partition"); err != nil {
			return err
		}
		now := time.Now() // the answer is here: it could have been seen by now
		for _, r := range rows {
			if s.note(place{r.Partition, r.Newest}, now) {
				moved = now
			}
		}
		switch end := s.until.Load(); {
		case end != nil && maps.Equal(s.newest(), *end):
			return nil
		case end != nil && now.Sub(moved) > stallMax:
			return fmt.Errorf("nothing new could be seen in %s for %v: it is at %v of %v", s.table, stallMax, s.newest(), *end)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.pause):
		}
	}
}

// note keeps what was seen, and says whether it is new.
func (s *sight) note(p place, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	steps := s.steps[p.partition]
	if n := len(steps); n > 0 && steps[n-1].offset >= p.offset {
		return false
	}
	s.steps[p.partition] = append(steps, step{p.offset, at})
	return true
}

func (s *sight) newest() map[int32]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[int32]int64{}
	for n, steps := range s.steps {
		out[n] = steps[len(steps)-1].offset
	}
	return out
}

// gallery is the tables that are looked at during a run.
type gallery struct {
	balances, history sight
	until             atomic.Pointer[map[int32]int64]
}

func newGallery(db *clickhouse.DB, balances, history string) *gallery {
	g := &gallery{}
	g.balances = sight{table: balances, pause: balancesPause, db: db, until: &g.until, steps: map[int32][]step{}}
	g.history = sight{table: history, pause: historyPause, db: db, until: &g.until, steps: map[int32][]step{}}
	return g
}

// watch looks at all tables until everything is seen in each.
func (g *gallery) watch(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return g.balances.watch(ctx) })
	all.Go(func() error { return g.history.watch(ctx) })
	return all.Wait()
}

// ends tells where the events end.
func (g *gallery) ends(places []place) {
	last := map[int32]int64{}
	for _, p := range places {
		last[p.partition] = max(last[p.partition], p.offset)
	}
	g.until.Store(&last)
}

// exact returns nil if the views hold every event once.
func (g *gallery) exact(ctx context.Context, events int) error {
	var rows, places, versions uint64
	err := errors.Join(
		g.history.db.Row(ctx, "SELECT count(), uniqExact(partition, offset) FROM account_history").Scan(&rows, &places),
		g.balances.db.Row(ctx, "SELECT sum(version) FROM account_balances").Scan(&versions),
	)
	if err == nil && (rows != uint64(events) || places != rows || versions != rows) {
		err = fmt.Errorf("there are %d events, and the history has %d rows of %d, the balances %d versions", events, rows, places, versions)
	}
	return err
}
