package statestore_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recount/internal/statestore"
)

// TestOverlayModel plays random operations on an overlay over a store and holds both to plain maps, with flushes that land
// at any moment between Freeze and Thaw, and that fail.
func TestOverlayModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store := statestore.NewMemStore()
		m := &overlayMachine{store: store, above: statestore.NewOverlay(store), inStore: changes{}, inAbove: changes{}}
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write, "apply": m.apply,
			"freeze": m.freeze, "land": m.land, "thaw": m.thaw, "flush": m.flush, "scan": m.scan, "": m.check,
		})
	})
}

// changes is a layer: a nil value is a deletion.
type changes map[string]*string

type overlayMachine struct {
	store statestore.Store
	above *statestore.Overlay

	inStore, inAbove changes
	frozen           statestore.Frozen
	inFrozen         changes // nil: no flush is under way
	landing          changes // what a flush under way writes; nil once it has ended
	landed           bool
}

func (m *overlayMachine) draw(t *rapid.T) (key string, value *string) {
	key = string(drawKey(t))
	if rapid.Bool().Draw(t, "set") {
		v := rapid.StringN(0, 4, 8).Draw(t, "value")
		value = &v
	}
	return key, value
}

func drawKey(t *rapid.T) []byte {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 'a', 0xff}), 1, 2).Draw(t, "key")
}

func (m *overlayMachine) write(t *rapid.T) {
	key, value := m.draw(t)
	var err error
	if value == nil {
		err = m.above.Delete([]byte(key))
	} else {
		err = m.above.Set([]byte(key), []byte(*value))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.inAbove[key] = value
}

func (m *overlayMachine) apply(t *rapid.T) {
	var b statestore.Batch
	for range rapid.IntRange(0, 5).Draw(t, "writes") {
		key, value := m.draw(t)
		if value == nil {
			b.Delete([]byte(key))
		} else {
			b.Set([]byte(key), []byte(*value))
		}
		m.inAbove[key] = value
	}
	if err := m.above.Apply(&b); err != nil {
		t.Fatal(err)
	}
}

func (m *overlayMachine) freeze(t *rapid.T) {
	frozen, err := m.above.Freeze()
	if m.inFrozen != nil {
		if !errors.Is(err, statestore.ErrFlushing) {
			t.Fatalf("a second freeze: %v", err)
		}
		return
	}
	if err != nil || frozen.Len() != len(m.inAbove) {
		t.Fatalf("froze %d writes, %v; want %d", frozen.Len(), err, len(m.inAbove))
	}
	m.frozen, m.inFrozen, m.inAbove = frozen, m.inAbove, changes{}
	m.landing, m.landed = maps.Clone(m.inFrozen), false
}

// land writes what is frozen, at whatever moment.
func (m *overlayMachine) land(t *rapid.T) {
	if m.landing == nil {
		return
	}
	var b statestore.Batch
	m.frozen.AppendTo(&b)
	if err := m.store.Apply(&b); err != nil {
		t.Fatal(err)
	}
	maps.Copy(m.inStore, m.landing)
	m.landed = true
}

func (m *overlayMachine) thaw(*rapid.T) {
	m.above.Thaw(m.frozen, m.landed)
	if m.inFrozen != nil && !m.landed {
		maps.Copy(m.inFrozen, m.inAbove)
		m.inAbove = m.inFrozen
	}
	m.inFrozen, m.landing = nil, nil
}

func (m *overlayMachine) flush(t *rapid.T) {
	var b statestore.Batch
	fails := rapid.Bool().Draw(t, "fails")
	err := m.above.Flush(&b, func(b *statestore.Batch) error {
		if fails {
			return statestore.ErrClosed
		}
		return m.store.Apply(b)
	})
	switch {
	case m.inFrozen != nil:
		if !errors.Is(err, statestore.ErrFlushing) {
			t.Fatalf("flush during another: %v", err)
		}
	case fails != (err != nil):
		t.Fatalf("flush: %v, to fail: %v", err, fails)
	case !fails:
		maps.Copy(m.inStore, m.inAbove)
		clear(m.inAbove)
	}
}

func (m *overlayMachine) scan(t *rapid.T) {
	compareScan(t, m.above, drawKey(t), drawKey(t), m.inStore, m.inFrozen, m.inAbove)
}

func (m *overlayMachine) check(t *rapid.T) {
	compareScan(t, m.store, nil, nil, m.inStore)
	compareScan(t, m.above, nil, nil, m.inStore, m.inFrozen, m.inAbove)
	if got, want := m.above.Len(), len(m.inAbove)+len(m.inFrozen); got != want {
		t.Fatalf("%d writes above the store, want %d", got, want)
	}
}

// compareScan holds a reader's scan and gets to layers, the lowest first.
func compareScan(t *rapid.T, r statestore.Reader, start, end []byte, layers ...changes) {
	view := changes{}
	for _, l := range layers {
		maps.Copy(view, l)
	}
	maps.DeleteFunc(view, func(_ string, value *string) bool { return value == nil })
	var want, got []string
	for _, key := range slices.Sorted(maps.Keys(view)) {
		if value, ok, err := r.Get([]byte(key)); err != nil || !ok || string(value) != *view[key] {
			t.Fatalf("get %q = %q, %v, %v; want %q", key, value, ok, err, *view[key])
		}
		if key >= string(start) && (end == nil || key < string(end)) {
			want = append(want, key, *view[key])
		}
	}
	for p, err := range r.Scan(start, end) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(p.Key), string(p.Value))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("scan %q to %q = %q, want %q", start, end, got, want)
	}
}
