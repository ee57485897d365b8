package engine

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strings"

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
	keyMarks      = "m"   // marks
	keyIdentity   = "i"   // identity: what the rest was made by
	prefixDedup   = "d"   // d + newest recorded time, 8 bytes + sequence, 8 bytes → a block of outcomes
	prefixState   = "s/"  // s/<type>/<id> → version, version of the last snapshot, chain, state
	prefixTimer   = "t/"  // t/ + due time, 8 bytes + <saga>/<id>, a zero byte, <timer> → nothing: a process waits for it
	prefixChanged = "c/"  // c/<type>/<id> → nothing: the aggregate has events that no snapshot has
	layoutNumber  = "r3/" // raised when this layout changes
)

// ErrForeignStore says that a store was made by other code, another topic or another partition count. Drop it and fold again.
var ErrForeignStore = errors.New("the store was made under other conditions")

// aggregateKey names one aggregate of a partition.
type aggregateKey struct{ aggregate, id string }

func (k aggregateKey) stored() []byte { return []byte(prefixState + k.aggregate + "/" + k.id) }

// parseKey reads "<type>/<id>"; a type has no slash in its name.
func parseKey(key []byte) (k aggregateKey, ok bool) {
	k.aggregate, k.id, ok = strings.Cut(string(key), "/")
	return k, ok
}

func dedupKey(newest int64, sequence uint64) []byte {
	k := append([]byte(prefixDedup), make([]byte, 16)...)
	binary.BigEndian.PutUint64(k[1:], uint64(newest))
	binary.BigEndian.PutUint64(k[9:], sequence)
	return k
}

// entry is one aggregate as the engine holds it.
type entry struct {
	version  int64
	snapshot int64 // version of its last snapshot; 0: none is known
	chain    es.Hash
	state    any

	listed bool // the store has it among the changed, or will with the next flush's writes
	due    bool // during a step: it gets a snapshot at the end
}

// changed says whether it has events that no snapshot has.
func (e *entry) changed() bool { return e.version > e.snapshot }

func appendEntry(b []byte, c Codec, a es.AggregateType, e *entry) ([]byte, error) {
	b = (&storedEntry{version: e.version, snapshot: e.snapshot, chain: e.chain}).append(b)
	b, err := c.AppendState(b, a, e.state)
	if err != nil {
		return nil, fmt.Errorf("encoding the state of a %s: %w", a.Name(), err)
	}
	return b, nil
}

func decodeEntry(b []byte, c Codec, a es.AggregateType) (entry, error) {
	s, err := readEntry(b)
	if err != nil {
		return entry{}, err
	}
	e := entry{version: s.version, snapshot: s.snapshot, chain: s.chain}
	e.listed = e.changed()
	e.state, err = c.DecodeState(a, s.state)
	return e, err
}

// storedEntry is an entry as it is stored, its state not decoded: snapshots carry the same bytes.
type storedEntry struct {
	version, snapshot int64
	chain             es.Hash
	state             []byte
}

func (e *storedEntry) append(b []byte) []byte {
	b = binary.AppendVarint(b, e.version)
	b = binary.AppendVarint(b, e.snapshot)
	return append(append(b, e.chain[:]...), e.state...)
}

func readEntry(b []byte) (storedEntry, error) {
	d := decoder{b: b}
	e := storedEntry{version: d.varint(), snapshot: d.varint()}
	copy(e.chain[:], d.take(len(e.chain)))
	e.state = d.b
	return e, d.err
}

// marks are a partition's watermarks: how far the log is reflected.
type marks struct {
	eventsNext   int64 // next offset of <ctx>.events to fold
	refusalsNext int64
	recordedAt   int64           // the partition's last recorded_at
	sourceNext   [channels]int64 // one above the highest folded source of each channel
	aggregates   int64           // how many there are
	markerNext   int64           // where the last complete checkpoint started, as far as is known; -1: there is none
}

func (m marks) encode() []byte {
	b := binary.AppendVarint(nil, m.eventsNext)
	b = binary.AppendVarint(b, m.refusalsNext)
	b = binary.AppendVarint(b, m.recordedAt)
	for _, n := range m.sourceNext {
		b = binary.AppendVarint(b, n)
	}
	b = binary.AppendVarint(b, m.aggregates)
	return binary.AppendVarint(b, m.markerNext)
}

func decodeMarks(b []byte) (m marks, err error) {
	d := decoder{b: b}
	m.eventsNext, m.refusalsNext, m.recordedAt = d.varint(), d.varint(), d.varint()
	for i := range m.sourceNext {
		m.sourceNext[i] = d.varint()
	}
	m.aggregates, m.markerNext = d.varint(), d.varint()
	return m, d.err
}

// StoredPosition reads from a store the event offset up to which it reflects the log; -1 for an empty one.
func StoredPosition(r Reader) (int64, error) {
	events, _, err := StoredPositions(r)
	return events, err
}

// StoredPositions returns up to which offsets of its partition's events and refusals a store reflects the log; -1: none.
func StoredPositions(r Reader) (events, refusals int64, err error) {
	value, found, err := r.Get([]byte(keyMarks))
	if err != nil || !found {
		return -1, -1, err
	}
	m, err := decodeMarks(value)
	return m.eventsNext, m.refusalsNext, err
}

// StoredAggregate is one aggregate as a partition's store has it.
type StoredAggregate struct {
	Aggregate, ID string
	Version       int64
	Chain         es.Hash
	State         []byte // as Codec.AppendState writes it: the same bytes for the same history
}

// ReadStored reads of a pair in a partition's store what it says of an aggregate; ok is false for what else a store holds.
func ReadStored(p Pair) (a StoredAggregate, ok bool, err error) {
	if !bytes.HasPrefix(p.Key, []byte(prefixState)) {
		return a, false, nil
	}
	key, ok := parseKey(p.Key[len(prefixState):])
	e, err := readEntry(p.Value)
	if err != nil || !ok {
		return a, false, fmt.Errorf("reading %q from the store: %w", p.Key, cmp.Or(err, errShort))
	}
	return StoredAggregate{key.aggregate, key.id, e.version, e.chain, e.state}, true, nil
}
