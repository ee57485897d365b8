package statestoretest

import (
	"errors"

	"recount/internal/statestore"
)

func scanChecks() []Check {
	return []Check{
		{"a scan is sorted and holds its bounds", bounded},
		{"a scan can be left", func(t T, s statestore.Store) {
			set(t, s, kv{"a", "1"}, kv{"b", "2"}, kv{"c", "3"})
			var seen []string
			for p, err := range s.Scan(nil, nil) {
				if err != nil {
					t.Fatalf("scan: %v", err)
				}
				seen = append(seen, string(p.Key))
				if len(seen) == 2 {
					break
				}
			}
			if len(seen) != 2 || seen[0] != "a" || seen[1] != "b" {
				t.Errorf("saw %q, want a and b", seen)
			}
			set(t, s, kv{"d", "4"}) // nothing is left locked behind
			wantValue(t, s, "d", "4")
		}},
		{"a scan can be run again", func(t T, s statestore.Store) {
			set(t, s, kv{"a", "1"})
			scan := s.Scan(nil, nil)
			for range 2 {
				n := 0
				for _, err := range scan {
					if err != nil {
						t.Fatalf("scan: %v", err)
					}
					n++
				}
				if n != 1 {
					t.Errorf("saw %d pairs, want 1", n)
				}
			}
		}},
		{"a scan shows the store as it was when it began", snapshot},
		{"a scan does not keep its bounds' memory", func(t T, s statestore.Store) {
			set(t, s, kv{"a", "1"}, kv{"b", "2"}, kv{"c", "3"})
			start, end := []byte("b"), []byte("c")
			wantScan(t, s, start, end, kv{"b", "2"})
			if string(start) != "b" || string(end) != "c" {
				t.Errorf("the scan changed its bounds to %q and %q", start, end)
			}
		}},
	}
}

func bounded(t T, s statestore.Store) {
	set(t, s, kv{"c", "3"}, kv{"a", "1"}, kv{"ab", "2"}, kv{"d", "4"})
	apply(t, s, func(b *statestore.Batch) { b.Delete([]byte("d")) })
	all := []kv{{"a", "1"}, {"ab", "2"}, {"c", "3"}}
	wantScan(t, s, nil, nil, all...)
	wantScan(t, s, []byte{}, nil, all...)
	wantScan(t, s, []byte("a"), []byte("c"), all[:2]...)
	wantScan(t, s, []byte("aa"), []byte("b"), all[1])
	wantScan(t, s, []byte("a\x00"), nil, all[1:]...)
	wantScan(t, s, nil, []byte("a"))
	wantScan(t, s, nil, []byte{})
	wantScan(t, s, []byte("c"), []byte("c"))
	wantScan(t, s, []byte("c"), []byte("a"))
	wantScan(t, s, []byte("d"), nil)
}

// snapshot changes everything in the middle of a scan.
func snapshot(t T, s statestore.Store) {
	set(t, s, kv{"a", "1"}, kv{"b", "2"}, kv{"c", "3"})
	var got []kv
	for p, err := range s.Scan(nil, nil) {
		if err != nil {
			t.Fatalf("scan: %v", err)
		}
		got = append(got, kv{string(p.Key), string(p.Value)})
		if len(got) > 1 {
			continue
		}
		apply(t, s, func(b *statestore.Batch) {
			b.Set([]byte("aa"), []byte("new"))
			b.Set([]byte("b"), []byte("changed"))
			b.Delete([]byte("c"))
			b.Set([]byte("d"), []byte("new"))
		})
		wantValue(t, s, "b", "changed")
	}
	want := []kv{{"a", "1"}, {"b", "2"}, {"c", "3"}}
	if len(got) != len(want) || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("the scan saw %q, want %q", got, want)
	}
	wantScan(t, s, nil, nil, kv{"a", "1"}, kv{"aa", "new"}, kv{"b", "changed"}, kv{"d", "new"})
}

func closeChecks() []Check {
	return []Check{
		{"a closed store answers ErrClosed", func(t T, s statestore.Store) {
			set(t, s, kv{"k", "v"})
			if err := s.Sync(); err != nil {
				t.Errorf("sync: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Fatalf("close: %v", err)
			}
			var b statestore.Batch
			b.Set([]byte("k"), []byte("w"))
			_, _, getErr := s.Get([]byte("k"))
			_, scanErr := collect(s, nil, nil)
			for call, err := range map[string]error{
				"get": getErr, "scan": scanErr, "apply": s.Apply(&b), "sync": s.Sync(), "close": s.Close(),
			} {
				if !errors.Is(err, statestore.ErrClosed) {
					t.Errorf("%s after close: %v, want ErrClosed", call, err)
				}
			}
		}},
	}
}
