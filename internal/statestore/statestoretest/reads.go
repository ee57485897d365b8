package statestoretest

import (
	"errors"

	"recount/internal/statestore"
)

func readChecks() []Check {
	return []Check{
		{"an empty store has nothing", func(t T, s statestore.Store) {
			wantNone(t, s, "k")
			wantScan(t, s, nil, nil)
		}},
		{"a value read is the reader's own", func(t T, s statestore.Store) {
			set(t, s, kv{"k", "value"})
			first, _, err := s.Get([]byte("k"))
			if err != nil {
				t.Fatalf("get: %v", err)
			}
			fill(first)
			wantValue(t, s, "k", "value")
			second, _, err := s.Get([]byte("k"))
			if err != nil {
				t.Fatalf("get: %v", err)
			}
			set(t, s, kv{"k", "other"})
			if string(second) != "value" {
				t.Errorf("a value read before turned into %q by a later write", second)
			}
		}},
		{"an empty value is not none", func(t T, s statestore.Store) {
			set(t, s, kv{"k", ""})
			got, ok, err := s.Get([]byte("k"))
			if err != nil || !ok || got == nil || len(got) != 0 {
				t.Errorf("get = %v, %v, %v; want an empty value", got, ok, err)
			}
			wantScan(t, s, nil, nil, kv{"k", ""})
		}},
		{"keys are bytes", func(t T, s statestore.Store) {
			pairs := []kv{{"\x00", "a"}, {"\x00\x00", "b"}, {"k", "c"}, {"k\x00", "d"}, {"k\x01", "e"}, {"\xff", "f"}, {"\xff\xff", "g"}}
			set(t, s, pairs...)
			for _, p := range pairs {
				wantValue(t, s, p.key, p.value)
			}
			wantScan(t, s, nil, nil, pairs...)
		}},
		{"a key outside the limits is an error to read", func(t T, s statestore.Store) {
			for _, key := range [][]byte{nil, {}, make([]byte, statestore.KeyMaxBytes+1)} {
				var size *statestore.SizeError
				if _, _, err := s.Get(key); !errors.As(err, &size) || size.What != "key" {
					t.Errorf("get with a key of %d bytes: %v, want a SizeError", len(key), err)
				}
			}
		}},
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = '#'
	}
}
