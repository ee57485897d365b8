package statestore

// Frozen is what an overlay set aside for a flush. Nothing changes it before its Thaw, so any goroutine may read it.
type Frozen struct{ layer *layer }

// AppendTo adds the frozen writes to b, each key once, in the order in which the keys were first written.
func (f Frozen) AppendTo(b *Batch) {
	var key []byte
	for _, w := range f.layer.writes {
		key = append(key[:0], w.key...)
		b.add(key, w.value, w.deletes)
	}
}

// Len is the number of frozen writes.
func (f Frozen) Len() int { return len(f.layer.writes) }

// Freeze sets what is above aside for a flush. The overlay still reads it, and takes new writes above it.
func (o *Overlay) Freeze() (Frozen, error) {
	if o.frozen != nil {
		return Frozen{}, ErrFlushing
	}
	o.frozen, o.top = o.top, newLayerLike(o.top)
	return Frozen{o.frozen}, nil
}

// Thaw ends the flush that began with f, which nobody may read any more. If it was written, the base has those writes
// and the overlay forgets them; else they are above again, below what has been written since.
func (o *Overlay) Thaw(f Frozen, written bool) {
	if f.layer == nil || o.frozen != f.layer {
		return // not under way: an earlier Thaw has ended it
	}
	o.frozen = nil
	if !written {
		f.layer.absorb(o.top)
		o.top = f.layer
	}
}

// Flush writes what is above through write and forgets it once that has succeeded; after an error everything is above
// still. It hands write a batch, b emptied and filled, to which write may add.
func (o *Overlay) Flush(b *Batch, write func(*Batch) error) error {
	f, err := o.Freeze()
	if err != nil {
		return err
	}
	b.Reset()
	f.AppendTo(b)
	err = write(b)
	o.Thaw(f, err == nil)
	return err
}
