package statestore_test

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"recount/internal/statestore"
)

// TestOverlayModel plays random operations on two stacked overlays over a store and holds all three to plain maps, with
// flushes that land at any moment between Freeze and Thaw, that fail, and that are dropped from under.
func TestOverlayModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store := statestore.NewMemStore()
		lower := statestore.NewOverlay(store)
		m := &overlayMachine{store: store, lower: lower, upper: statestore.NewOverlay(lower),
			inStore: changes{}, inLower: changes{}, inUpper: changes{}}
		rt.Repeat(map[string]func(*rapid.T){
			"write": m.write, "apply": m.apply, "move": m.move, "drop upper": m.dropUpper, "drop lower": m.dropLower,
			"freeze": m.freeze, "land": m.land, "thaw": m.thaw, "flush": m.flush, "scan": m.scan, "": m.check,
		})
	})
}

// changes is a layer: a nil value is a deletion.
type changes map[string]*string

type overlayMachine struct {
	store        statestore.Store
	lower, upper *statestore.Overlay

	inStore, inLower, inUpper changes
	frozen                    statestore.Frozen
	inFrozen                  changes // nil: no flush is under way, or it has been dropped
	landing                   changes // what a flush under way writes, dropped or not; nil once it has ended
	landed                    bool
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
		err = m.upper.Delete([]byte(key))
	} else {
		err = m.upper.Set([]byte(key), []byte(*value))
	}
	if err != nil {
		t.Fatal(err)
	}
	m.inUpper[key] = value
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
		m.inUpper[key] = value
	}
	if err := m.upper.Apply(&b); err != nil {
		t.Fatal(err)
	}
}

func (m *overlayMachine) move(t *rapid.T) {
	if err := m.upper.MoveTo(m.lower); err != nil {
		t.Fatal(err)
	}
	maps.Copy(m.inLower, m.inUpper)
	clear(m.inUpper)
}

func (m *overlayMachine) dropUpper(*rapid.T) {
	m.upper.Drop()
	clear(m.inUpper)
}

// dropLower does not call a flush under way back.
func (m *overlayMachine) dropLower(*rapid.T) {
	m.lower.Drop()
	clear(m.inLower)
	m.inFrozen = nil
}

func (m *overlayMachine) freeze(t *rapid.T) {
	frozen, err := m.lower.Freeze()
	if m.inFrozen != nil {
		if !errors.Is(err, statestore.ErrFlushing) {
			t.Fatalf("a second freeze: %v", err)
		}
		return
	}
	if err != nil || frozen.Len() != len(m.inLower) {
		t.Fatalf("froze %d writes, %v; want %d", frozen.Len(), err, len(m.inLower))
	}
	m.frozen, m.inFrozen, m.inLower = frozen, m.inLower, changes{}
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
	m.lower.Thaw(m.frozen, m.landed)
	if m.inFrozen != nil && !m.landed {
		maps.Copy(m.inFrozen, m.inLower)
		m.inLower = m.inFrozen
	}
	m.inFrozen, m.landing = nil, nil
}

func (m *overlayMachine) flush(t *rapid.T) {
	var b statestore.Batch
	fails := rapid.Bool().Draw(t, "fails")
	err := m.lower.Flush(&b, func(b *statestore.Batch) error {
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
		maps.Copy(m.inStore, m.inLower)
		clear(m.inLower)
	}
}

func (m *overlayMachine) scan(t *rapid.T) {
	compareScan(t, m.upper, drawKey(t), drawKey(t), m.inStore, m.inFrozen, m.inLower, m.inUpper)
}

func (m *overlayMachine) check(t *rapid.T) {
	compareScan(t, m.store, nil, nil, m.inStore)
	compareScan(t, m.lower, nil, nil, m.inStore, m.inFrozen, m.inLower)
	compareScan(t, m.upper, nil, nil, m.inStore, m.inFrozen, m.inLower, m.inUpper)
	if got, want := m.lower.Len(), len(m.inLower)+len(m.inFrozen); got != want {
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
