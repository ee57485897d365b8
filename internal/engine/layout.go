package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"recount/internal/es"
)

// Reader is what the engine sees of a partition's store. internal/statestore satisfies it.
type Reader interface {
	// Get returns the value of key, which stays valid, and whether there is one.
	Get(key []byte) (value []byte, ok bool, err error)
	// Scan yields the pairs with start ≤ key < end, ascending. A pair is valid until the next step.
	Scan(start, end []byte) iter.Seq2[Pair, error]
}

// Pair is a key and its value.
type Pair = struct{ Key, Value []byte }

// The layout of a partition's store. Everything in it can be folded again from the log.
const (
	keyMarks     = "m"   // marks
	keyIdentity  = "i"   // identity: what the rest was made by
	prefixDedup  = "d"   // d + newest recorded time, 8 bytes + sequence, 8 bytes → a block of outcomes
	prefixState  = "s/"  // s/<type>/<id> → version, chain, state
	layoutNumber = "r1/" // raised when this layout changes
)

// ErrForeignStore says that a store was made by other code, another topic or another partition count. Drop it and fold again.
var ErrForeignStore = errors.New("the store was made under other conditions")

// aggregateKey names one aggregate of a partition.
type aggregateKey struct{ aggregate, id string }

func (k aggregateKey) stored() []byte {
	return []byte(prefixState + k.aggregate + "/" + k.id)
}

func dedupKey(newest int64, sequence uint64) []byte {
	k := append([]byte(prefixDedup), make([]byte, 16)...)
	binary.BigEndian.PutUint64(k[1:], uint64(newest))
	binary.BigEndian.PutUint64(k[9:], sequence)
	return k
}

// entry is one aggregate as the engine holds it: a value, never changed once shared.
type entry struct {
	version int64
	chain   es.Hash
	state   any
}

func appendEntry(b []byte, c Codec, a es.AggregateType, e *entry) ([]byte, error) {
	b = binary.AppendVarint(b, e.version)
	b = append(b, e.chain[:]...)
	b, err := c.AppendState(b, a, e.state)
	if err != nil {
		return nil, fmt.Errorf("encoding the state of a %s: %w", a.Name(), err)
	}
	return b, nil
}

func decodeEntry(b []byte, c Codec, a es.AggregateType) (*entry, error) {
	d := decoder{b: b}
	e := &entry{version: d.varint()}
	copy(e.chain[:], d.take(len(e.chain)))
	if d.err != nil {
		return nil, d.err
	}
	var err error
	e.state, err = c.DecodeState(a, d.b)
	return e, err
}

// marks are a partition's watermarks: how far the log is reflected.
type marks struct {
	eventsNext   int64 // next offset of <ctx>.events to fold
	refusalsNext int64
	recordedAt   int64           // the partition's last recorded_at
	sourceNext   [channels]int64 // one above the highest folded source of each channel
}

func (m marks) encode() []byte {
	b := binary.AppendVarint(nil, m.eventsNext)
	b = binary.AppendVarint(b, m.refusalsNext)
	b = binary.AppendVarint(b, m.recordedAt)
	for _, n := range m.sourceNext {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func decodeMarks(b []byte) (m marks, err error) {
	d := decoder{b: b}
	m.eventsNext, m.refusalsNext, m.recordedAt = d.varint(), d.varint(), d.varint()
	for i := range m.sourceNext {
		m.sourceNext[i] = d.varint()
	}
	return m, d.err
}

// StoredPosition reads from a store the event offset up to which it reflects the log; -1 for an empty one.
func StoredPosition(r Reader) (int64, error) {
	value, found, err := r.Get([]byte(keyMarks))
	if err != nil || !found {
		return -1, err
	}
	m, err := decodeMarks(value)
	return m.eventsNext, err
}
