package kafka

import (
	"sync"
	"time"
)

// rateBurst is how much may come at once after a pause: what a rate allows in this time.
const rateBurst = 100 * time.Millisecond

// rate spaces ranges, over all partitions of a member: in any time T it lets rate × (T + rateBurst) begin, and at most one
// a partition more, which was kept waiting by something else.
//
// Each member bounds itself, by how many partitions it has, and nobody counts for all: every partition has one owner, so
// the shares of all members add up to the whole.
type rate struct {
	mu   sync.Mutex
	next time.Time // when the range after those that were let in would be due, were they spaced evenly
}

// wait returns how long the range that is ready now has to wait, and counts it as begun then.
func (r *rate) wait(now time.Time, perSecond float64) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next.Before(now) {
		r.next = now
	}
	wait := r.next.Sub(now) - rateBurst
	r.next = r.next.Add(time.Duration(float64(time.Second) / perSecond))
	return max(wait, 0)
}
