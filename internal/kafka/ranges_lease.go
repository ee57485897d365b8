package kafka

import (
	"errors"
	"sync"
)

// errLeaseLost stops a pipeline whose partition belongs to somebody else by now.
var errLeaseLost = errors.New("kafka: the partition's lease is gone")

// lease is the right to act for a partition. The group's generation fences members, not partitions: a member that has
// lost one partition of several may still commit for it. So every commit and every attempt at an insert is made under
// this one lock, and taking the lease back waits for the one in progress.
type lease struct {
	mu   sync.Mutex
	gone bool
}

// do runs f while the lease cannot be taken.
func (l *lease) do(f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return errLeaseLost
	}
	return f()
}

// take ends the lease.
func (l *lease) take() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gone = true
}
