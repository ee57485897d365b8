package statestore

import (
	"fmt"
	"iter"
	"sync"
)

// Outcome says what became of a write under a lease.
type Outcome int

const (
	// Failed comes with an error: the store did not take the batch.
	Failed Outcome = iota
	// Applied is a write that is in the store.
	Applied
	// StaleLease is a write dropped because its lease had been released.
	StaleLease
	// LowerWatermark is a write dropped because the store already reflects more of the log.
	LowerWatermark
)

// String returns the outcome's name, stable and fit for a metric's label.
func (o Outcome) String() string {
	switch o {
	case Failed:
		return "failed"
	case Applied:
		return "applied"
	case StaleLease:
		return "stale_lease"
	case LowerWatermark:
		return "lower_watermark"
	}
	return fmt.Sprintf("outcome(%d)", int(o))
}

// Lease is the right to write one partition's store. It is a [Reader] of it too, so that an [Overlay] can stand on it.
// Its methods may be called from several goroutines; reads never wait for a write.
type Lease struct {
	name     string
	store    Store
	handBack func()
	wanted   chan struct{}
	wantOnce sync.Once

	mu        sync.Mutex // held across every write and across the release: see Leases
	released  bool
	watermark int64
}

var _ Reader = (*Lease)(nil)

// Name is the partition's name.
func (l *Lease) Name() string { return l.name }

// Get reads from the store; after the release it is ErrClosed.
func (l *Lease) Get(key []byte) ([]byte, bool, error) { return l.store.Get(key) }

// Scan reads from the store; after the release it yields ErrClosed.
func (l *Lease) Scan(start, end []byte) iter.Seq2[Pair, error] { return l.store.Scan(start, end) }

// Watermark is the highest watermark in the store: what was found there, or has been applied since.
func (l *Lease) Watermark() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.watermark
}

// Apply writes b, which reflects the log up to watermark and says so itself. A stale lease or a watermark below the
// store's drops it.
func (l *Lease) Apply(watermark int64, b *Batch) (Outcome, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return StaleLease, nil
	}
	if watermark < l.watermark {
		return LowerWatermark, nil
	}
	if err := l.store.Apply(b); err != nil {
		return Failed, fmt.Errorf("write %s up to %d: %w", l.name, watermark, err)
	}
	l.watermark = watermark
	return Applied, nil
}

// Sync makes what was applied survive a crash of the machine. It waits for the disk, and holds up no write meanwhile.
func (l *Lease) Sync() error {
	if err := l.store.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", l.name, err)
	}
	return nil
}

// Wanted is closed while somebody waits for this partition. It is a hint: a standby that folds it lets go at its next
// pause, a session does when its group says so. It stays closed if the one who waited has given up.
func (l *Lease) Wanted() <-chan struct{} { return l.wanted }

func (l *Lease) want() { l.wantOnce.Do(func() { close(l.wanted) }) }

// Release waits for a write under way, makes the lease stale and passes the partition on. A second call does nothing.
// After an error from the store the partition is passed on all the same.
func (l *Lease) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released {
		return nil
	}
	l.released = true
	err := l.store.Close()
	l.handBack()
	if err != nil {
		return fmt.Errorf("release %s: %w", l.name, err)
	}
	return nil
}
