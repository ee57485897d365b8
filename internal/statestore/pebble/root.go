package pebble

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"recount/internal/statestore"
)

// Root is a [statestore.Root] on disk.
type Root struct {
	db     *pebble.DB
	cfg    Config
	stalls *atomic.Int64
	gate   *gate // in it is whoever uses db but the writers, whom their store's lock keeps apart from a close

	mu     sync.Mutex
	closed bool
	open   map[string]*store
}

var _ statestore.Root = (*Root)(nil)

// Open opens the root in cfg.Dir and locks the directory. If another process has it, the error is ErrLocked.
func Open(cfg Config) (*Root, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	cache := pebble.NewCache(cfg.CacheBytes)
	defer cache.Unref() // the database holds its own reference
	stalls := new(atomic.Int64)
	db, err := pebble.Open(cfg.Dir, cfg.options(cache, func(pebble.WriteStallBeginInfo) { stalls.Add(1) }))
	if err != nil {
		return nil, openError(cfg.Dir, err)
	}
	return &Root{db: db, cfg: cfg, stalls: stalls, gate: newGate(), open: map[string]*store{}}, nil
}

func openError(dir string, err error) error {
	switch {
	case errors.Is(err, statestore.ErrLocked):
		return err
	case pebble.IsCorruptionError(err):
		return fmt.Errorf("state in %s is damaged: %w: nothing is lost, the log has it all: "+
			"move the directory away, and the worker restores its partitions from snapshots and events", dir, err)
	default:
		return fmt.Errorf("open state in %s: %w", dir, err)
	}
}

// Open opens the named partition's store. It reads nothing from the disk.
func (r *Root) Open(name string) (statestore.Store, error) {
	if err := statestore.CheckName(name); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.unused(name); err != nil {
		return nil, fmt.Errorf("open state of %s: %w", name, err)
	}
	s := newStore(r, name)
	r.open[name] = s
	return s, nil
}

// unused returns an error if the root is closed or the named partition is open. r.mu must be held.
func (r *Root) unused(name string) error {
	if r.closed {
		return statestore.ErrClosed
	}
	if r.open[name] != nil {
		return statestore.ErrInUse
	}
	return nil
}

// Drop removes the named partition and waits for the disk.
func (r *Root) Drop(name string) error {
	if err := statestore.CheckName(name); err != nil {
		return err
	}
	r.mu.Lock() // all along: nobody may open it while it goes
	defer r.mu.Unlock()
	if err := r.unused(name); err != nil {
		return fmt.Errorf("drop state of %s: %w", name, err)
	}
	lower, upper := bounds(name)
	if err := r.db.DeleteRange(lower, upper, pebble.Sync); err != nil {
		return fmt.Errorf("drop state of %s: %w", name, err)
	}
	return nil
}

// Close waits for reads and writes under way, syncs, and gives the directory back.
func (r *Root) Close() error {
	still, err := r.shut()
	if err != nil {
		return err
	}
	r.gate.shut()
	if err := r.db.Close(); err != nil {
		return errors.Join(statestore.StillOpen(still), fmt.Errorf("close state in %s: %w", r.cfg.Dir, err))
	}
	return statestore.StillOpen(still)
}

// shut closes the root for callers and what they left open, and returns the names of the latter.
func (r *Root) shut() ([]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, statestore.ErrClosed
	}
	r.closed = true
	still := slices.Sorted(maps.Keys(r.open))
	for _, s := range r.open {
		s.shut()
	}
	clear(r.open)
	return still, nil
}

func (r *Root) forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, name)
}

// Metrics reads the database's counters.
func (r *Root) Metrics() (statestore.Metrics, error) {
	if err := r.gate.enter(); err != nil {
		return statestore.Metrics{}, err
	}
	defer r.gate.leave()
	r.mu.Lock()
	open := len(r.open)
	r.mu.Unlock()
	m := r.db.Metrics()
	return statestore.Metrics{
		DiskBytes:      int64(m.DiskSpaceUsage()),
		WALBytes:       int64(m.WAL.Size),
		MemtableBytes:  int64(m.MemTable.Size),
		CacheBytes:     m.BlockCache.Size,
		CacheHits:      m.BlockCache.Hits,
		CacheMisses:    m.BlockCache.Misses,
		FilterHits:     m.Filter.Hits,
		FilterMisses:   m.Filter.Misses,
		Flushes:        m.Flush.Count,
		Compactions:    m.Compact.Count,
		CompactionDebt: int64(m.Compact.EstimatedDebt),
		ReadAmp:        int64(m.ReadAmp()),
		WriteStalls:    r.stalls.Load(),
		OpenPartitions: int64(open),
	}, nil
}
