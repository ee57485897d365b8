package statestoretest_test

import (
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"recount/internal/statestore"
)

// fault is one way of breaking the contract.
type fault string

const (
	none          fault = "none"
	lendsValues   fault = "get lends its own memory"
	keepsMemory   fault = "keeps the batch's memory"
	emptyIsNone   fault = "takes an empty value for none"
	unsorted      fault = "scans out of order"
	endIncluded   fault = "scans the end too"
	startExcluded fault = "leaves out the start"
	liveScan      fault = "scans what is written meanwhile"
	halfBatch     fault = "writes what it can of a bad batch"
	keepsDeleted  fault = "deletes nothing"
	firstWins     fault = "first write of a batch wins"
	staysOpen     fault = "answers after its close"
	takesAnyKey   fault = "looks up keys outside the limits"
	tornBatch     fault = "lets readers see half a batch"
	lockedByScan  fault = "loses writes after a scan was left"
)

const tornPatience = 10_000 // yields to let a reader look at half a batch

// faulty is a naive store with one fault.
type faulty struct {
	fault fault
	scans atomic.Int64

	mu     sync.Mutex
	values map[string][]byte
	left   bool // a scan was left early
	closed bool
}

func newFaulty(f fault) *faulty { return &faulty{fault: f, values: map[string][]byte{}} }

func (s *faulty) check() error {
	if s.closed && s.fault != staysOpen {
		return statestore.ErrClosed
	}
	return nil
}

func (s *faulty) Get(key []byte) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := statestore.CheckKey(key); err != nil && s.fault != takesAnyKey {
		return nil, false, err
	}
	value, ok := s.values[string(key)]
	if !ok || len(value) == 0 && s.fault == emptyIsNone {
		return nil, false, s.check()
	}
	if s.fault != lendsValues {
		value = append([]byte{}, value...)
	}
	return value, true, s.check()
}

func (s *faulty) Scan(start, end []byte) iter.Seq2[statestore.Pair, error] {
	return func(yield func(statestore.Pair, error) bool) {
		s.scans.Add(1)
		keys, values, err := s.inRange(string(start), end)
		if err != nil {
			yield(statestore.Pair{}, err)
			return
		}
		for i, key := range keys {
			value := values[i]
			if s.fault == liveScan {
				value, _, _ = s.Get([]byte(key))
			}
			if !yield(statestore.Pair{Key: []byte(key), Value: value}, nil) {
				s.leave()
				return
			}
		}
	}
}

func (s *faulty) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = true
}

func (s *faulty) inRange(start string, end []byte) (keys []string, values [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.values {
		below := end == nil || key < string(end) || s.fault == endIncluded && key == string(end)
		if key < start || !below || s.fault == startExcluded && key == start {
			continue
		}
		keys = append(keys, key)
	}
	slices.Sort(keys)
	if s.fault == unsorted {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		values = append(values, s.values[key])
	}
	return keys, values, s.check()
}

func (s *faulty) Apply(b *statestore.Batch) error {
	if b.Err() != nil && s.fault != halfBatch {
		return b.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.check(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for op := range b.All() {
		first := !seen[string(op.Key)]
		seen[string(op.Key)] = true
		if first || s.fault != firstWins {
			s.write(op)
		}
		if s.fault == tornBatch && len(seen) == b.Len()/2 {
			s.letLook()
		}
	}
	return b.Err()
}

func (s *faulty) write(op statestore.Op) {
	switch {
	case s.left && s.fault == lockedByScan:
	case op.Delete && s.fault == keepsDeleted:
	case op.Delete:
		delete(s.values, string(op.Key))
	case s.fault == keepsMemory:
		s.values[string(op.Key)] = op.Value
	default:
		s.values[string(op.Key)] = append([]byte{}, op.Value...)
	}
}

// letLook waits until a reader has begun a scan in the middle of a batch, or does not come.
func (s *faulty) letLook() {
	s.mu.Unlock()
	defer s.mu.Lock()
	before := s.scans.Load()
	for range tornPatience {
		if s.scans.Load() > before {
			return
		}
		runtime.Gosched()
	}
}

func (s *faulty) Sync() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.check()
}

func (s *faulty) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.check()
	s.closed = true
	return err
}
