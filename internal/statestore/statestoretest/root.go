package statestoretest

import (
	"errors"
	"strings"
	"testing"

	"recount/internal/statestore"
)

// Reopen opens a root on the same content as the last one, which has been closed.
type Reopen func() (statestore.Root, error)

// RootCheck is one sentence of the contract of a root, tried on an empty place.
type RootCheck struct {
	Name string
	Run  func(t T, reopen Reopen)
}

// RootChecks returns the contract of a [statestore.Root].
func RootChecks() []RootCheck {
	return []RootCheck{
		{"partitions are apart", apart},
		{"a partition is open once", openOnce},
		{"content survives its handles", survives},
		{"a dropped partition is gone", dropped},
		{"a closed root answers ErrClosed", closedRoot},
		{"a root names what was left open", leftOpen},
		{"names are checked", names},
	}
}

// TestRoot runs the contract of a [statestore.Root]. fresh returns what opens a root on an empty place.
func TestRoot(t *testing.T, fresh func(t *testing.T) Reopen) {
	t.Helper()
	for _, c := range RootChecks() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			c.Run(t, fresh(t))
		})
	}
}

func openRoot(t T, reopen Reopen) statestore.Root {
	t.Helper()
	root, err := reopen()
	if err != nil {
		t.Fatalf("open root: %v", err)
	}
	return root
}

func openIn(t T, root statestore.Root, name string) statestore.Store {
	t.Helper()
	s, err := root.Open(name)
	if err != nil {
		t.Fatalf("open %s: %v", name, err)
	}
	return s
}

func mustClose(t T, c interface{ Close() error }) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// apart uses names of which one begins with another, and keys at the edges.
func apart(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	names := []string{"bank.1", "bank.11", "bank.1-", "bank", "B"}
	stores := map[string]statestore.Store{}
	for _, name := range names {
		stores[name] = openIn(t, root, name)
		set(t, stores[name], kv{"\x00", name}, kv{"1", name}, kv{"\xff\xff", name})
	}
	for _, name := range names {
		wantScan(t, stores[name], nil, nil, kv{"\x00", name}, kv{"1", name}, kv{"\xff\xff", name})
	}
	for _, name := range names {
		mustClose(t, stores[name])
	}
	mustClose(t, root)
}

func openOnce(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	s := openIn(t, root, "bank.3")
	if _, err := root.Open("bank.3"); !errors.Is(err, statestore.ErrInUse) {
		t.Errorf("second open: %v, want ErrInUse", err)
	}
	if err := root.Drop("bank.3"); !errors.Is(err, statestore.ErrInUse) {
		t.Errorf("drop while open: %v, want ErrInUse", err)
	}
	mustClose(t, s)
	again := openIn(t, root, "bank.3")
	if err := s.Close(); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("second close: %v, want ErrClosed", err)
	}
	if _, err := root.Open("bank.3"); !errors.Is(err, statestore.ErrInUse) {
		t.Errorf("open after the former handle was closed twice: %v, want ErrInUse", err)
	}
	mustClose(t, again)
	mustClose(t, root)
}

func survives(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	s := openIn(t, root, "bank.3")
	set(t, s, kv{"a", "1"}, kv{"b", "2"})
	mustClose(t, s)
	s = openIn(t, root, "bank.3")
	wantScan(t, s, nil, nil, kv{"a", "1"}, kv{"b", "2"})
	apply(t, s, func(b *statestore.Batch) { b.Delete([]byte("a")) })
	mustClose(t, s)
	mustClose(t, root)

	root = openRoot(t, reopen)
	s = openIn(t, root, "bank.3")
	wantScan(t, s, nil, nil, kv{"b", "2"})
	mustClose(t, s)
	mustClose(t, root)
}

func dropped(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	for _, name := range []string{"bank.1", "bank.11"} {
		s := openIn(t, root, name)
		set(t, s, kv{"k", name})
		mustClose(t, s)
	}
	for _, name := range []string{"bank.1", "never.there"} {
		if err := root.Drop(name); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
	}
	s := openIn(t, root, "bank.1")
	wantScan(t, s, nil, nil)
	set(t, s, kv{"new", "1"})
	mustClose(t, s)
	mustClose(t, root)

	root = openRoot(t, reopen)
	first, second := openIn(t, root, "bank.1"), openIn(t, root, "bank.11")
	wantScan(t, first, nil, nil, kv{"new", "1"})
	wantScan(t, second, nil, nil, kv{"k", "bank.11"})
	mustClose(t, first)
	mustClose(t, second)
	mustClose(t, root)
}

func closedRoot(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	mustClose(t, root)
	_, openErr := root.Open("bank.3")
	for call, err := range map[string]error{"open": openErr, "drop": root.Drop("bank.3"), "close": root.Close()} {
		if !errors.Is(err, statestore.ErrClosed) {
			t.Errorf("%s after close: %v, want ErrClosed", call, err)
		}
	}
}

func leftOpen(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	s := openIn(t, root, "bank.3")
	set(t, s, kv{"k", "v"})
	if err := root.Close(); err == nil || !strings.Contains(err.Error(), "bank.3") {
		t.Errorf("close with bank.3 open: %v, want an error that names it", err)
	}
	if _, _, err := s.Get([]byte("k")); !errors.Is(err, statestore.ErrClosed) {
		t.Errorf("get after the root was closed: %v, want ErrClosed", err)
	}
	root = openRoot(t, reopen) // the content is none the worse
	s = openIn(t, root, "bank.3")
	wantValue(t, s, "k", "v")
	mustClose(t, s)
	mustClose(t, root)
}

func names(t T, reopen Reopen) {
	root := openRoot(t, reopen)
	for _, name := range []string{"", "a/b", "a b", "a\x00b", "ä", strings.Repeat("n", statestore.NameMaxBytes+1)} {
		if _, err := root.Open(name); err == nil {
			t.Errorf("open %q: no error", name)
		}
		if err := root.Drop(name); err == nil {
			t.Errorf("drop %q: no error", name)
		}
	}
	s := openIn(t, root, strings.Repeat("n", statestore.NameMaxBytes))
	mustClose(t, s)
	mustClose(t, root)
}
