package ingest

import "sync"

// admission bounds what is being worked on: requests, and the bytes their bodies take. Those beyond it are sent away
// at once (429), because a queue in front of a full pipeline only makes everybody wait longer.
type admission struct {
	requestsMax int
	bytesMax    int64

	mu       sync.Mutex
	requests int
	bytes    int64
}

// enter takes room for one request; false: there is none. Whoever entered must leave with the same bytes.
func (a *admission) enter(bytes int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.requests >= a.requestsMax || a.bytes+bytes > a.bytesMax {
		return false
	}
	a.requests++
	a.bytes += bytes
	return true
}

func (a *admission) leave(bytes int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.requests--
	a.bytes -= bytes
}

func (a *admission) inFlight() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.requests
}
