package statestore

import (
	"bytes"
	"iter"
	"slices"
	"sync"
)

// memStore is the handle on one partition in memory. There is one open handle a partition, so its lock guards the
// content too; once it is shut it touches the content no more, which then belongs to the next handle.
type memStore struct {
	release func()

	mu     sync.RWMutex
	closed bool
	values map[string][]byte // replaced, never changed in place: a scan may hold on to them
}

// shut makes the handle answer ErrClosed and tells whether it did so for the first time. No write is under way when it
// returns.
func (s *memStore) shut() (first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, s.closed = !s.closed, true
	return first
}

func (s *memStore) Get(key []byte) ([]byte, bool, error) {
	if err := CheckKey(key); err != nil {
		return nil, false, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	value, ok := s.values[string(key)]
	return bytes.Clone(value), ok, nil
}

func (s *memStore) Scan(start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		pairs, err := s.pairs(start, end)
		if err != nil {
			yield(Pair{}, err)
			return
		}
		lend(pairs, yield)
	}
}

// pairs returns the pairs of a range, sorted.
func (s *memStore) pairs(start, end []byte) ([]Pair, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, ErrClosed
	}
	var pairs []Pair
	for k, v := range s.values {
		if inRange(k, start, end) {
			pairs = append(pairs, Pair{Key: []byte(k), Value: v})
		}
	}
	slices.SortFunc(pairs, func(a, b Pair) int { return bytes.Compare(a.Key, b.Key) })
	return pairs, nil
}

func inRange(key string, start, end []byte) bool {
	return key >= string(start) && (end == nil || key < string(end))
}

// lend yields pairs in memory that is overwritten after each step, so that a test fails when somebody keeps a slice
// that a real store would have reused.
func lend(pairs []Pair, yield func(Pair, error) bool) {
	const poison = 0xDB
	var key, value []byte
	for _, p := range pairs {
		key, value = append(key[:0], p.Key...), append(value[:0], p.Value...)
		more := yield(Pair{Key: key, Value: value}, nil)
		fill(key, poison)
		fill(value, poison)
		if !more {
			return
		}
	}
}

func fill(b []byte, with byte) {
	for i := range b {
		b[i] = with
	}
}

func (s *memStore) Apply(b *Batch) error {
	if err := b.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	for op := range b.All() {
		if op.Delete {
			delete(s.values, string(op.Key))
		} else {
			s.values[string(op.Key)] = append([]byte{}, op.Value...)
		}
	}
	return nil
}

func (s *memStore) Sync() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

func (s *memStore) Close() error {
	if !s.shut() {
		return ErrClosed
	}
	if s.release != nil {
		s.release()
	}
	return nil
}
