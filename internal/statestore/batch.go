package statestore

import "iter"

// batchRetainBytes is how large a buffer a reset batch keeps: a steady flush then allocates nothing, and one huge
// recovery batch does not stay in memory for ever.
const batchRetainBytes = 64 << 20

// Batch is a list of writes that take effect together, in order: a later one on the same key wins. The zero value is
// empty and ready. It copies what it is given. A write outside the limits is left out and remembered: Apply then refuses
// the whole batch, so that a caller checks once and not at every call.
type Batch struct {
	buf []byte // keys and values back to back, so that a batch of any length is two allocations
	ops []span
	err error
}

// span says where in buf an operation's key and value lie. BatchMaxBytes keeps the positions within 32 bits.
type span struct {
	key, value, end uint32
	deletes         bool
}

// Op is one write of a batch. A deletion has no value.
type Op struct {
	Key, Value []byte
	Delete     bool
}

// Set writes value under key. An empty value is a value.
func (b *Batch) Set(key, value []byte) { b.add(key, value, false) }

// Delete removes key. Removing what is not there is fine.
func (b *Batch) Delete(key []byte) { b.add(key, nil, true) }

func (b *Batch) add(key, value []byte, deletes bool) {
	if err := b.check(key, value); err != nil {
		if b.err == nil {
			b.err = err
		}
		return
	}
	at := uint32(len(b.buf))
	b.buf = append(append(b.buf, key...), value...)
	b.ops = append(b.ops, span{key: at, value: at + uint32(len(key)), end: uint32(len(b.buf)), deletes: deletes})
}

func (b *Batch) check(key, value []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := checkValue(value); err != nil {
		return err
	}
	if size := len(b.buf) + len(key) + len(value); size > BatchMaxBytes {
		return &SizeError{What: "batch", Bytes: size, Max: BatchMaxBytes}
	}
	return nil
}

// Len is the number of writes.
func (b *Batch) Len() int { return len(b.ops) }

// Bytes is the size of all keys and values.
func (b *Batch) Bytes() int { return len(b.buf) }

// Err is the first write that was outside the limits, a *[SizeError], or nil.
func (b *Batch) Err() error { return b.err }

// Reset empties the batch and keeps its memory for the next one.
func (b *Batch) Reset() {
	if cap(b.buf) > batchRetainBytes {
		*b = Batch{}
		return
	}
	b.buf, b.ops, b.err = b.buf[:0], b.ops[:0], nil
}

// All yields the writes in order. What it yields is the batch's own memory: read it, before the next change of b.
func (b *Batch) All() iter.Seq[Op] {
	return func(yield func(Op) bool) {
		for _, s := range b.ops {
			op := Op{Key: b.buf[s.key:s.value:s.value], Delete: s.deletes}
			if !s.deletes {
				op.Value = b.buf[s.value:s.end:s.end]
			}
			if !yield(op) {
				return
			}
		}
	}
}
