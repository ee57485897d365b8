package pebble

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"recount/internal/statestore"
)

// A partition's keys are its name, a zero byte, and the key. Names hold no byte below '-', so the partition's range ends
// where the zero byte becomes a one, and no name's range reaches into that of a longer one ("bank.1", "bank.11").
const (
	nameEnd  = 0x00
	rangeEnd = 0x01
)

func bounds(name string) (lower, upper []byte) {
	return append([]byte(name), nameEnd), append([]byte(name), rangeEnd)
}

// store is a handle on one partition.
type store struct {
	root         *Root
	name         string
	lower, upper []byte // the partition's range; lower is also the prefix of its keys

	mu     sync.RWMutex // held for reading across every write, so that none outlives the handle
	closed bool
}

func newStore(r *Root, name string) *store {
	lower, upper := bounds(name)
	return &store{root: r, name: name, lower: lower, upper: upper}
}

// enter admits a read. Whoever got in leaves by the root's gate.
func (s *store) enter() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return statestore.ErrClosed
	}
	return s.root.gate.enter()
}

func (s *store) Get(key []byte) (value []byte, ok bool, err error) {
	if err := statestore.CheckKey(key); err != nil {
		return nil, false, err
	}
	if err := s.enter(); err != nil {
		return nil, false, err
	}
	defer s.root.gate.leave()
	lent, closer, err := s.root.db.Get(slices.Concat(s.lower, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read state of %s: %w", s.name, err)
	}
	value = append([]byte{}, lent...)
	if err := closer.Close(); err != nil {
		return nil, false, fmt.Errorf("read state of %s: %w", s.name, err)
	}
	return value, true, nil
}

func (s *store) Scan(start, end []byte) iter.Seq2[statestore.Pair, error] {
	return func(yield func(statestore.Pair, error) bool) {
		if err := s.enter(); err != nil {
			yield(statestore.Pair{}, err)
			return
		}
		defer s.root.gate.leave()
		if err := s.scan(start, end, yield); err != nil {
			yield(statestore.Pair{}, fmt.Errorf("scan state of %s: %w", s.name, err))
		}
	}
}

// scan yields the pairs of a range. It returns an error only if yield has not ended the loop.
func (s *store) scan(start, end []byte, yield func(statestore.Pair, error) bool) error {
	lower, upper := slices.Concat(s.lower, start), s.upper
	if end != nil {
		upper = slices.Concat(s.lower, end)
	}
	if bytes.Compare(lower, upper) >= 0 {
		return nil
	}
	it, err := s.root.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	ended, err := s.walk(it, yield)
	if closeErr := it.Close(); err == nil {
		err = closeErr
	}
	if err != nil && ended {
		s.root.cfg.Logger.Warn("state store: closing a scan that its reader had ended", "partition", s.name, "error", err)
		return nil
	}
	return err
}

// walk yields what it has, and tells whether yield ended the loop.
func (s *store) walk(it *pebble.Iterator, yield func(statestore.Pair, error) bool) (ended bool, err error) {
	for valid := it.First(); valid; valid = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return false, err
		}
		if !yield(statestore.Pair{Key: it.Key()[len(s.lower):], Value: value}, nil) {
			return true, nil
		}
	}
	return false, it.Error()
}

func (s *store) Apply(b *statestore.Batch) error {
	if err := b.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return statestore.ErrClosed
	}
	if err := s.write(b); err != nil {
		return fmt.Errorf("write state of %s: %w", s.name, err)
	}
	return nil
}

// opOverheadBytes is what an operation takes in Pebble's batch beside its key and value: a kind and two lengths.
const opOverheadBytes = 1 + 2 + 4

func (s *store) write(b *statestore.Batch) error {
	batch := s.root.db.NewBatchWithSize(b.Bytes() + b.Len()*(len(s.lower)+opOverheadBytes))
	for op := range b.All() {
		if err := s.add(batch, op); err != nil {
			return err
		}
	}
	if err := batch.Commit(pebble.NoSync); err != nil {
		return err // the commit pipeline may still hold the batch: leave it to the collector
	}
	return batch.Close()
}

// add writes op into the batch's own memory, so that no prefixed key is built first.
func (s *store) add(batch *pebble.Batch, op statestore.Op) error {
	size := len(s.lower) + len(op.Key)
	var to *pebble.DeferredBatchOp
	if op.Delete {
		to = batch.DeleteDeferred(size)
	} else {
		to = batch.SetDeferred(size, len(op.Value))
		copy(to.Value, op.Value)
	}
	copy(to.Key[copy(to.Key, s.lower):], op.Key)
	return to.Finish()
}

func (s *store) Sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return statestore.ErrClosed
	}
	// An empty record, synced, takes every earlier one of the log with it: no need to flush the memtable.
	if err := s.root.db.LogData(nil, pebble.Sync); err != nil {
		return fmt.Errorf("sync state of %s: %w", s.name, err)
	}
	return nil
}

// shut makes the handle answer ErrClosed, after the writes under way, and tells whether it did so for the first time.
func (s *store) shut() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, s.closed = !s.closed, true
	return first
}

func (s *store) Close() error {
	if !s.shut() {
		return statestore.ErrClosed
	}
	s.root.forget(s.name)
	return nil
}
