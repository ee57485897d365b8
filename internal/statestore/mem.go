package statestore

import (
	"fmt"
	"maps"
	"slices"
	"sync"
)

// Mem is a [Root] in memory: the twin that tests and simulations run on. It keeps the contract to the letter, and is
// stricter where a disk is lenient: what a scan lends is overwritten at the next step.
type Mem struct {
	disk *memDisk

	mu     sync.Mutex
	closed bool
	open   map[string]*memStore
}

// memDisk is what outlives a Mem.
type memDisk struct {
	mu    sync.Mutex
	parts map[string]map[string][]byte
}

// NewMem returns an empty root in memory.
func NewMem() *Mem { return newMem(&memDisk{parts: map[string]map[string][]byte{}}) }

func newMem(d *memDisk) *Mem { return &Mem{disk: d, open: map[string]*memStore{}} }

// NewMemStore returns a single empty store in memory, for tests that need no root.
func NewMemStore() Store { return &memStore{values: map[string][]byte{}} }

// Reopen returns a new root over the same content, as a restarted process finds it. The old root and the stores opened
// from it answer ErrClosed from then on. Memory has no unsynced part, so everything applied is still there.
func (m *Mem) Reopen() *Mem {
	m.shut()
	return newMem(m.disk)
}

// Open opens the named partition's store.
func (m *Mem) Open(name string) (Store, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	if m.open[name] != nil {
		return nil, fmt.Errorf("open %s: %w", name, ErrInUse)
	}
	s := &memStore{values: m.disk.part(name), release: func() { m.forget(name) }}
	m.open[name] = s
	return s, nil
}

// Drop removes the named partition.
func (m *Mem) Drop(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	if m.open[name] != nil {
		return fmt.Errorf("drop %s: %w", name, ErrInUse)
	}
	m.disk.drop(name)
	return nil
}

// Close closes the root; its content can be opened again by Reopen.
func (m *Mem) Close() error {
	still, first := m.shut()
	if !first {
		return ErrClosed
	}
	return StillOpen(still)
}

// shut closes the root and what is open in it. It returns the names of the latter, and whether the root was open.
func (m *Mem) shut() (still []string, first bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first, m.closed = !m.closed, true
	still = slices.Sorted(maps.Keys(m.open))
	for _, s := range m.open {
		s.shut()
	}
	clear(m.open)
	return still, first
}

func (m *Mem) forget(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.open, name)
}

func (d *memDisk) part(name string) map[string][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	values := d.parts[name]
	if values == nil {
		values = map[string][]byte{}
		d.parts[name] = values
	}
	return values
}

func (d *memDisk) drop(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.parts, name)
}
