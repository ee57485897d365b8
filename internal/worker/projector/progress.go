package projector

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"recount/internal/kafka"
)

// ViewStatus is where a view of a context stands, as far as this process knows.
type ViewStatus struct {
	Context    string
	View       string
	Generation int // 0 while it is prepared
	// Partitions are those this process has, by number.
	Partitions []PartitionStatus
	// Err is why the view stopped; nil while it goes on.
	Err error
}

// PartitionStatus is where one partition stands.
type PartitionStatus struct {
	Partition int32
	// Position is the next offset, Stable the last stable offset when it was last asked for.
	Position, Stable int64
	// EventTime is when the newest projected record was recorded; zero before the first.
	EventTime time.Time
	// Parked is how many aggregates wait, of which an event could not be mapped.
	Parked int
	// Oldest is the stamp of the first record that waited at Position or below when somebody last had to look; zero if nobody
	// had to.
	Oldest time.Time
	// Still is for how long the last stable offset has been standing below the log's end.
	Still time.Duration
}

// LagRecords is how many offsets lie ahead.
func (s PartitionStatus) LagRecords() int64 { return max(s.Stable-s.Position, 0) }

// Lag is for how long, at a moment, the oldest record that is not in the view has been waiting: nothing while it is caught
// up. In a stream that flows, nothing that waits is older than the newest record the view shows, which is taken for it.
func (s PartitionStatus) Lag(now time.Time) time.Duration {
	since := s.EventTime
	if s.Oldest.After(since) {
		since = s.Oldest
	}
	if s.LagRecords() == 0 || since.IsZero() {
		return 0
	}
	return max(now.Sub(since), 0)
}

// progress is what is known of a view while it runs.
type progress struct {
	mu         sync.Mutex
	generation int
	joined     bool
	owned      []int32
	partitions map[int32]*partitionProgress
	err        error
}

type partitionProgress struct {
	begun     bool
	target    int64 // what the log held when the partition was taken over
	news      int64 // where what nobody has been told of before begins
	position  int64
	stable    int64
	eventTime int64
	still     time.Duration

	read     int64 // the position when doubtful was last asked
	lookedAt int64 // the position at which oldest was found
	oldest   time.Time
}

// of returns the partition's progress. The caller holds the lock.
func (p *progress) of(partition int32) *partitionProgress {
	if p.partitions == nil {
		p.partitions = map[int32]*partitionProgress{}
	}
	if p.partitions[partition] == nil {
		p.partitions[partition] = &partitionProgress{}
	}
	return p.partitions[partition]
}

func (p *progress) opened(generation int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.generation = generation
}

func (p *progress) owns(partitions []int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.joined, p.owned = true, partitions
	maps.DeleteFunc(p.partitions, func(n int32, _ *partitionProgress) bool { return !slices.Contains(partitions, n) })
}

func (p *progress) begins(a kafka.Assignment) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.of(a.Partition)
	s.begun, s.target, s.stable, s.position = true, a.Log.Stable, a.Log.Stable, max(a.Position, a.Log.Start)
	s.read, s.lookedAt = s.position, -1
	s.news = 0
	if a.Position < 0 { // it begins at the log's start
		s.news = a.Log.Stable
	}
}

// newsFrom is the offset from which on a partition's records are news.
func (p *progress) newsFrom(partition int32) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of(partition).news
}

func (p *progress) reached(partition int32, position int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of(partition).position = position
}

func (p *progress) stands(partition int32, stable int64, still time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.partitions[partition]; s != nil {
		s.stable, s.still = stable, still
	}
}

// doubtful returns the positions of partitions that are behind and have not moved since this was last asked: they rested
// until just now, or they stand still, and what the view shows does not tell which. One where somebody has looked is told
// of once, for what waits there stays what it is.
func (p *progress) doubtful() map[int32]int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[int32]int64{}
	for n, s := range p.partitions {
		if s.begun && s.position < s.stable && s.position == s.read && s.position != s.lookedAt {
			out[n] = s.position
		}
		s.read = s.position
	}
	return out
}

// waits keeps the stamp of the first record that waits.
func (p *progress) waits(l kafka.Lag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.partitions[l.Partition]; s != nil && !l.Oldest.IsZero() {
		s.lookedAt, s.oldest = l.Committed, l.Oldest
	}
}

// newest keeps the newest event time and returns it.
func (p *progress) newest(partition int32, eventTime int64) int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.of(partition)
	s.eventTime = max(s.eventTime, eventTime)
	return s.eventTime
}

func (p *progress) failed(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// ready returns nil once every owned partition has reached its target.
func (p *progress) ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return p.err
	}
	if !p.joined {
		return errors.New("joining its group")
	}
	behind, records := 0, int64(0)
	for _, n := range p.owned {
		s := p.partitions[n]
		if s == nil || !s.begun || s.position < s.target {
			behind++
			if s != nil {
				records += max(s.target-s.position, 0)
			}
		}
	}
	if behind > 0 {
		return fmt.Errorf("%d of %d partitions are catching up, %d records to go", behind, len(p.owned), records)
	}
	return nil
}

func (v *projection) status() ViewStatus {
	p := &v.progress
	p.mu.Lock()
	defer p.mu.Unlock()
	s := ViewStatus{Context: v.source.Context, View: v.view.Name, Generation: p.generation, Err: p.err}
	for _, n := range slices.Sorted(maps.Keys(p.partitions)) {
		part := p.partitions[n]
		status := PartitionStatus{Partition: n, Position: part.position, Stable: max(part.stable, part.position), Oldest: part.oldest, Still: part.still, Parked: v.lots.aggregates(n)}
		if part.eventTime > 0 {
			status.EventTime = time.UnixMilli(part.eventTime)
		}
		s.Partitions = append(s.Partitions, status)
	}
	return s
}
