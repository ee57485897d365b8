package serde

import (
	"sync"
	"time"
)

const (
	// missesMax bounds the schema IDs remembered as unknown to the registry; the oldest is forgotten first.
	missesMax = 4096
	// missTime is for how long. A schema registered after its ID was asked for is found once this has passed; records
	// that were read before have gone to the dead letters.
	missTime = time.Minute
)

// misses remembers which schema IDs the registry did not know. The rule: at most missesMax of them, each for missTime;
// within both limits an ID costs one request, however many records carry it.
type misses struct {
	mu    sync.Mutex
	until map[uint32]time.Time
	order []uint32         // oldest first, which is also the first to expire
	now   func() time.Time // nil: time.Now
}

func (m *misses) has(id uint32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.until[id]
	return ok && m.clock().Before(until)
}

// add remembers id, which must not be remembered already.
func (m *misses) add(id uint32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.clock()
	for len(m.order) > 0 && (len(m.order) >= missesMax || !now.Before(m.until[m.order[0]])) {
		delete(m.until, m.order[0])
		m.order = m.order[1:]
	}
	if m.until == nil {
		m.until = map[uint32]time.Time{}
	}
	m.order = append(m.order, id)
	m.until[id] = now.Add(missTime)
}

func (m *misses) clock() time.Time {
	if m.now != nil {
		return m.now()
	}
	return time.Now()
}
