package rebuild

import (
	"context"
	"sync/atomic"
	"time"

	"recount/internal/clickhouse"
)

// What is read comes before what nobody reads yet: while a generation that serves falls behind its log, lanes wait before
// each block, so that brokers, ClickHouse and processors are the projectors' for as long.
const (
	// yieldLook is how often it is looked.
	yieldLook = 250 * time.Millisecond
	// yieldBehind is how old the newest record that a generation lacks may be.
	yieldBehind = 400 * time.Millisecond
	// yieldMax bounds how long a block waits: projectors that can't keep up must not have a rebuild stand still.
	yieldMax = 2 * time.Second
	// yieldStep is how soon a lane that waits goes on.
	yieldStep = 20 * time.Millisecond
)

// yielding says whether lanes should wait.
type yielding struct {
	behind atomic.Bool
	lag    atomic.Int64 // how many records the generations that serve lack
}

// watch looks until ctx ends how old the generations are that serve in the place of builds.
func (y *yielding) watch(ctx context.Context, builds []*build) {
	late := map[*build]*lateness{}
	for _, b := range builds {
		if b.old.Number > 0 {
			late[b] = &lateness{}
		}
	}
	ticks := time.NewTicker(yieldLook)
	defer ticks.Stop()
	for len(late) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		behind, lag := false, int64(0)
		for b, l := range late {
			ends, reached, err := b.look(ctx)
			if err != nil {
				continue // whoever inserts hears of it
			}
			age, follows := l.see(time.Now(), ends, reached)
			behind = behind || follows && age > yieldBehind
			lag += distance(reached, ends)
		}
		y.behind.Store(behind)
		y.lag.Store(lag)
	}
}

// wait waits while a generation that serves is behind, for a while.
func (y *yielding) wait(ctx context.Context) {
	for began := time.Now(); y.behind.Load() && ctx.Err() == nil && time.Since(began) < yieldMax; {
		select {
		case <-ctx.Done():
		case <-time.After(yieldStep):
		}
	}
}

// look returns where the logs end, and how far the generation that serves is.
func (b *build) look(ctx context.Context) (ends, reached clickhouse.Vector, err error) {
	extents, err := b.extents(ctx)
	if err != nil {
		return nil, nil, err
	}
	if reached, err = b.r.cfg.Projector.DB.Vector(ctx, b.old); err != nil {
		return nil, nil, err
	}
	ends = clickhouse.Vector{}
	for context, partitions := range extents {
		for p, e := range partitions {
			ends.Raise(context, p, e.Stable)
			reached.Raise(context, p, e.Start) // what is below was never there for it
		}
	}
	return ends, reached, nil
}

// sightsMax is how many ends of the logs are remembered: those of the last seconds decide.
const sightsMax = 64

// lateness tells from where logs ended, look by look, for how long a generation has lacked the oldest record it lacks.
type lateness struct {
	sights []sight // that were not reached yet, oldest first
	last   clickhouse.Vector
}

// sight is where logs ended at a moment.
type sight struct {
	at   time.Time
	ends clickhouse.Vector
}

// see adds a look, and returns for how long something has been lacking, and whether anybody follows at all: a generation
// that stands still has nothing to gain.
func (l *lateness) see(now time.Time, ends, reached clickhouse.Vector) (age time.Duration, follows bool) {
	if len(l.sights) < sightsMax {
		l.sights = append(l.sights, sight{now, ends})
	}
	for len(l.sights) > 0 && distance(reached, l.sights[0].ends) == 0 {
		l.sights = l.sights[1:]
	}
	follows = l.last != nil && distance(l.last, reached) > 0
	l.last = reached
	if len(l.sights) > 0 {
		age = now.Sub(l.sights[0].at)
	}
	return age, follows
}
