package statestoretest

import (
	"bytes"
	"errors"
	"strings"

	"recount/internal/statestore"
)

func writeChecks() []Check {
	return []Check{
		{"a write replaces", func(t T, s statestore.Store) {
			set(t, s, kv{"k", "long first value"})
			set(t, s, kv{"k", "2"})
			wantValue(t, s, "k", "2")
			wantScan(t, s, nil, nil, kv{"k", "2"})
		}},
		{"a deletion removes", func(t T, s statestore.Store) {
			set(t, s, kv{"a", "1"}, kv{"b", "2"})
			apply(t, s, func(b *statestore.Batch) { b.Delete([]byte("a")); b.Delete([]byte("never there")) })
			wantNone(t, s, "a")
			wantScan(t, s, nil, nil, kv{"b", "2"})
			set(t, s, kv{"a", "3"})
			wantValue(t, s, "a", "3")
		}},
		{"within a batch the last write wins", func(t T, s statestore.Store) {
			apply(t, s, func(b *statestore.Batch) {
				b.Set([]byte("set"), []byte("1"))
				b.Delete([]byte("set"))
				b.Set([]byte("set"), []byte("2"))
				b.Set([]byte("deleted"), []byte("1"))
				b.Delete([]byte("deleted"))
			})
			wantScan(t, s, nil, nil, kv{"set", "2"})
		}},
		{"an empty batch is fine", func(t T, s statestore.Store) {
			apply(t, s, func(*statestore.Batch) {})
			wantScan(t, s, nil, nil)
		}},
		{"what was written is the store's own", ownWrites},
		{"a batch outside the limits writes nothing", refused},
		{"the limits themselves are allowed", func(t T, s statestore.Store) {
			key := strings.Repeat("k", statestore.KeyMaxBytes)
			value := string(bytes.Repeat([]byte{0, 0xff}, statestore.ValueMaxBytes/2))
			set(t, s, kv{key, value})
			if got, ok, err := s.Get([]byte(key)); err != nil || !ok || string(got) != value {
				t.Errorf("get of the largest pair: %d bytes, %v, %v", len(got), ok, err)
			}
		}},
	}
}

// ownWrites changes what was handed over, and uses the batch again.
func ownWrites(t T, s statestore.Store) {
	key, value := []byte("k"), []byte("value")
	var b statestore.Batch
	b.Set(key, value)
	fill(key)
	fill(value)
	if err := s.Apply(&b); err != nil {
		t.Fatalf("apply: %v", err)
	}
	b.Reset()
	b.Set([]byte("#"), []byte("#####"))
	wantValue(t, s, "k", "value")
	if err := s.Apply(&b); err != nil {
		t.Fatalf("apply again: %v", err)
	}
	wantScan(t, s, nil, nil, kv{"#", "#####"}, kv{"k", "value"})
}

// refused puts each kind of bad write between good ones.
func refused(t T, s statestore.Store) {
	bad := []struct {
		what       string
		key, value []byte
	}{
		{"key", nil, []byte("v")},
		{"key", make([]byte, statestore.KeyMaxBytes+1), []byte("v")},
		{"value", []byte("k"), make([]byte, statestore.ValueMaxBytes+1)},
	}
	for _, w := range bad {
		var b statestore.Batch
		b.Set([]byte("before"), []byte("1"))
		b.Set(w.key, w.value)
		b.Set([]byte("after"), []byte("1"))
		var size *statestore.SizeError
		if err := s.Apply(&b); !errors.As(err, &size) || size.What != w.what {
			t.Errorf("apply with a bad %s: %v, want a SizeError", w.what, err)
		}
		wantScan(t, s, nil, nil)
	}
}
