package inspect

import (
	"context"
	"slices"
	"sync"
)

// Shelf keeps the histories that were read last, so that whoever looks at one aggregate again and again reads its
// partition once, and from then on only what has come since. It is safe for use by many goroutines.
type Shelf struct {
	// Max is how many histories are kept. Each holds its events and their states in memory.
	Max int

	mu   sync.Mutex
	kept []kept // the one that was asked for last at the end
}

// place says whose history it is.
type place struct{ context, topic, aggregate, id string }

type kept struct {
	place
	history *Timeline
}

// Read is Read, from where the history that is kept ends. What was read until ctx ended is kept as well: who asks again for
// a history that takes longer than they can wait gets further each time.
//
// Two who ask for one history at the same time both read it, and the longer one is kept: neither holds the lock while it
// reads, because a reader who waits for a broker would keep everybody else waiting.
func (s *Shelf) Read(ctx context.Context, r Request) (*Timeline, error) {
	at := place{r.Context, r.Topic, r.Aggregate.Name(), r.ID}
	history, err := s.look(at, r).Extend(ctx, r)
	if err != nil {
		if history != nil && ctx.Err() != nil {
			s.keep(kept{at, history})
		}
		return nil, err
	}
	if len(history.Steps) > 0 { // an ID that was mistyped is not worth a place
		s.keep(kept{at, history})
	}
	return history, nil
}

// look returns what is kept, or a history of which nothing was read.
func (s *Shelf) look(at place, r Request) *Timeline {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(at); i >= 0 {
		return s.kept[i].history
	}
	return &Timeline{Aggregate: r.Aggregate}
}

func (s *Shelf) keep(k kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.find(k.place); i >= 0 {
		if newer := s.kept[i].history; newer.next > k.history.next && len(newer.Steps) >= len(k.history.Steps) {
			k.history = newer
		}
		s.kept = slices.Delete(s.kept, i, i+1)
	}
	s.kept = append(s.kept, k)
	if over := len(s.kept) - s.Max; over > 0 {
		s.kept = slices.Delete(s.kept, 0, over)
	}
}

func (s *Shelf) find(at place) int {
	return slices.IndexFunc(s.kept, func(k kept) bool { return k.place == at })
}
