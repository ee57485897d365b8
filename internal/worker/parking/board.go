package parking

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"recount/internal/kafka"
)

// Board shows what operators have decided about parked events, to all the lots of a process.
type Board struct {
	mu       sync.Mutex
	verdicts kafka.Verdicts
	revision int // rises with every change; 0: nothing was read
	bells    map[int]func()
	bell     int
}

// NewBoard returns a board that is filled from the control topic as it stands.
func NewBoard(ctx context.Context, cfg kafka.Config) (*Board, error) {
	verdicts, err := kafka.ReadVerdicts(ctx, cfg, time.Now())
	if err != nil {
		return nil, fmt.Errorf("reading what was decided about parked events: %w", err)
	}
	return &Board{verdicts: verdicts, revision: 1, bells: map[int]func(){}}, nil
}

// Follow keeps the board up to date until ctx ends. While the broker is away, what was decided last counts; failed, if
// given, is told.
func (b *Board) Follow(ctx context.Context, cfg kafka.Config, failed func(error)) {
	pause := backoff.NewExponentialBackOff()
	for ctx.Err() == nil {
		err := kafka.FollowVerdicts(ctx, cfg, time.Now, func(v kafka.Verdicts) {
			pause.Reset()
			b.show(v)
		})
		if err != nil && failed != nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause.NextBackOff()):
		}
	}
}

func (b *Board) show(v kafka.Verdicts) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verdicts = v
	b.revision++
	for _, ring := range b.bells {
		ring()
	}
}

// Attend has ring be called whenever something is decided, until leave is called. It must return at once.
func (b *Board) Attend(ring func()) (leave func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bell++
	n := b.bell
	b.bells[n] = ring
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.bells, n)
	}
}

// Discarded says whether it was decided that an event is never to be in a view.
func (b *Board) Discarded(context, view string, partition int32, offset int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.verdicts, func(v kafka.Verdict) bool {
		return v.Kind == kafka.DiscardVerdict && v.Context == context && v.View == view && v.Partition == partition && v.Offset == offset
	})
}

// since returns what is decided, if it has changed since a revision.
func (b *Board) since(revision int) (kafka.Verdicts, int, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.verdicts, b.revision, b.revision != revision
}

// ruling is what is decided about the events of one lot.
type ruling struct {
	revision int
	discards map[int64]kafka.Verdict
	releases map[Aggregate]kafka.Verdict
}

// rule takes over what was decided since.
func (l *Lot) rule() {
	if l.cfg.Verdicts == nil {
		return
	}
	all, revision, changed := l.cfg.Verdicts.since(l.ruling.revision)
	if !changed {
		return
	}
	l.ruling = ruling{revision: revision, discards: map[int64]kafka.Verdict{}, releases: map[Aggregate]kafka.Verdict{}}
	for _, v := range all.Of(l.cfg.Context, l.cfg.View.Name) {
		switch {
		case v.Kind == kafka.ReleaseVerdict:
			l.ruling.releases[Aggregate{v.Aggregate, v.ID}] = v
		case v.Kind == kafka.DiscardVerdict && v.Partition == l.cfg.Partition:
			l.ruling.discards[v.Offset] = v
		}
	}
}
