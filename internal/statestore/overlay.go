package statestore

import (
	"errors"
)

// ErrFlushing answers a Freeze or a Flush while an earlier Freeze has not been thawed.
var ErrFlushing = errors.New("state store: overlay: a flush is under way already")

// Overlay is a [Reader] that keeps writes above a base: reads fall through to the base, writes stay above until they
// are flushed. A worker has one over each lease: what is in it is committed, and not yet in the store.
//
// An Overlay belongs to one goroutine; no method may run beside another. Only a [Frozen] leaves that goroutine, and so a
// flush stays off the owner's path: Freeze moves a pointer, and the owner goes on reading what it froze and writing
// above it.
//
//	frozen, err := committed.Freeze()                     // owner
//	go func() {                                           // anywhere
//		frozen.AppendTo(&batch)
//		batch.Set(watermarkKey, …)
//		outcome, err := lease.Apply(watermark, &batch)
//	}()
//	committed.Thaw(frozen, outcome == Applied)            // owner again, once that has ended
//
// Between Freeze and Thaw the base may have the frozen writes or not, and may get them in the middle of a Scan. The
// overlay answers the same either way: each frozen key is answered from the frozen layer, whatever the base says.
//
// Whoever starts anew with another overlay waits for the Thaw first, or releases the lease: see [Leases].
type Overlay struct {
	base   Reader
	top    *layer
	frozen *layer // nil unless a flush is under way
}

// NewOverlay returns an empty overlay above base.
func NewOverlay(base Reader) *Overlay { return &Overlay{base: base, top: newLayer()} }

// Get returns the newest value of key, from above or from the base.
func (o *Overlay) Get(key []byte) ([]byte, bool, error) {
	if err := CheckKey(key); err != nil {
		return nil, false, err
	}
	w, ok := o.top.find(key)
	if !ok && o.frozen != nil {
		w, ok = o.frozen.find(key)
	}
	if !ok {
		return o.base.Get(key)
	}
	if w.deletes {
		return nil, false, nil
	}
	return append([]byte{}, w.value...), true, nil
}

// Set writes value under key, above.
func (o *Overlay) Set(key, value []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	if err := checkValue(value); err != nil {
		return err
	}
	o.top.put(key, value, false)
	return nil
}

// Delete hides key from here on, and removes it from the base when flushed.
func (o *Overlay) Delete(key []byte) error {
	if err := CheckKey(key); err != nil {
		return err
	}
	o.top.put(key, nil, true)
	return nil
}

// Apply writes a whole batch above.
func (o *Overlay) Apply(b *Batch) error {
	if err := b.Err(); err != nil {
		return err
	}
	for op := range b.All() {
		o.top.put(op.Key, op.Value, op.Delete)
	}
	return nil
}

// Len is the number of writes above, those of a flush under way included.
func (o *Overlay) Len() int {
	if o.frozen == nil {
		return len(o.top.writes)
	}
	return len(o.top.writes) + len(o.frozen.writes)
}

// Bytes is the size of the keys and values above that no flush has taken yet. A flush is one batch, so flush long
// before this reaches BatchMaxBytes.
func (o *Overlay) Bytes() int { return o.top.bytes }
