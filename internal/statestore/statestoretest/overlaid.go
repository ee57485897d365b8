package statestoretest

import (
	"iter"

	"recount/internal/statestore"
)

// Overlaid is an overlay dressed as a store, so that the contract can be run on one: Apply writes above, Sync flushes
// down to the store and syncs it, Close closes the store. It belongs to one goroutine.
func Overlaid(below statestore.Store) statestore.Store {
	return &overlaid{below: below, above: statestore.NewOverlay(below)}
}

type overlaid struct {
	below  statestore.Store
	above  *statestore.Overlay
	batch  statestore.Batch
	closed bool
}

func (o *overlaid) Get(key []byte) ([]byte, bool, error) {
	if o.closed {
		return nil, false, statestore.ErrClosed
	}
	return o.above.Get(key)
}

func (o *overlaid) Scan(start, end []byte) iter.Seq2[statestore.Pair, error] {
	return o.above.Scan(start, end)
}

func (o *overlaid) Apply(b *statestore.Batch) error {
	if o.closed {
		return statestore.ErrClosed
	}
	return o.above.Apply(b)
}

func (o *overlaid) Sync() error {
	if o.closed {
		return statestore.ErrClosed
	}
	if err := o.above.Flush(&o.batch, o.below.Apply); err != nil {
		return err
	}
	return o.below.Sync()
}

func (o *overlaid) Close() error {
	if o.closed {
		return statestore.ErrClosed
	}
	o.closed = true
	return o.below.Close()
}
