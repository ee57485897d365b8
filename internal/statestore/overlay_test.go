package statestore_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"recount/internal/statestore"
)

func content(t *testing.T, r statestore.Reader) []string {
	t.Helper()
	var all []string
	for p, err := range r.Scan(nil, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s=%s", p.Key, p.Value))
	}
	return all
}

func wantContent(t *testing.T, r statestore.Reader, want ...string) {
	t.Helper()
	if got := content(t, r); !slices.Equal(got, want) {
		t.Errorf("content %q, want %q", got, want)
	}
}

func put(t *testing.T, o *statestore.Overlay, key, value string) {
	t.Helper()
	if err := o.Set([]byte(key), []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func del(t *testing.T, o *statestore.Overlay, key string) {
	t.Helper()
	if err := o.Delete([]byte(key)); err != nil {
		t.Fatal(err)
	}
}

// TestFailedFlush keeps everything, older writes below newer ones.
func TestFailedFlush(t *testing.T) {
	t.Parallel()
	store := statestore.NewMemStore()
	o := statestore.NewOverlay(store)
	put(t, o, "a", "1")
	put(t, o, "b", "1")
	frozen, err := o.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	put(t, o, "b", "2")
	del(t, o, "a")
	put(t, o, "c", "2")
	wantContent(t, o, "b=2", "c=2") // each key once, the newer write
	o.Thaw(frozen, false)
	wantContent(t, o, "b=2", "c=2")

	full := errors.New("disk full")
	var b statestore.Batch
	if err := o.Flush(&b, func(*statestore.Batch) error { return full }); !errors.Is(err, full) {
		t.Errorf("flush: %v, want the writer's error", err)
	}
	wantContent(t, o, "b=2", "c=2")
	wantContent(t, store)
	if err := o.Flush(&b, store.Apply); err != nil {
		t.Fatal(err)
	}
	wantContent(t, store, "b=2", "c=2")
}

// TestOneFlushAtATime: a second Freeze would have nowhere to put the first one's writes.
func TestOneFlushAtATime(t *testing.T) {
	t.Parallel()
	o := statestore.NewOverlay(statestore.NewMemStore())
	put(t, o, "a", "1")
	if _, err := o.Freeze(); err != nil {
		t.Fatal(err)
	}
	_, freezeErr := o.Freeze()
	flushErr := o.Flush(new(statestore.Batch), func(*statestore.Batch) error { return nil })
	for call, err := range map[string]error{"freeze": freezeErr, "flush": flushErr} {
		if !errors.Is(err, statestore.ErrFlushing) {
			t.Errorf("%s during a flush: %v, want ErrFlushing", call, err)
		}
	}
	wantContent(t, o, "a=1")
}

// TestThawTwice: a second Thaw brings nothing back, nor does it end a later flush.
func TestThawTwice(t *testing.T) {
	t.Parallel()
	o := statestore.NewOverlay(statestore.NewMemStore())
	put(t, o, "a", "1")
	ended, err := o.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	o.Thaw(ended, true) // says who calls: the base here has nothing
	put(t, o, "b", "1")
	later, err := o.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	o.Thaw(ended, true)
	wantContent(t, o, "b=1")
	o.Thaw(ended, false)
	o.Thaw(later, false)
	wantContent(t, o, "b=1")
}

// TestBytes counts what the next flush writes, replaced values once.
func TestBytes(t *testing.T) {
	t.Parallel()
	o := statestore.NewOverlay(statestore.NewMemStore())
	put(t, o, "key", "a long value")
	put(t, o, "key", "1234")
	del(t, o, "gone")
	if got := o.Bytes(); got != len("key")+len("1234")+len("gone") {
		t.Errorf("%d bytes above", got)
	}
	frozen, err := o.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	var b statestore.Batch
	frozen.AppendTo(&b)
	if b.Bytes() != 11 || o.Bytes() != 0 {
		t.Errorf("frozen %d bytes, %d above, want 11 and 0", b.Bytes(), o.Bytes())
	}
	o.Thaw(frozen, false)
	if o.Bytes() != 11 {
		t.Errorf("%d bytes above after a failed flush, want 11", o.Bytes())
	}
}

// TestLimitsAbove: what a flush could not write does not get in.
func TestLimitsAbove(t *testing.T) {
	t.Parallel()
	o := statestore.NewOverlay(statestore.NewMemStore())
	for what, err := range map[string]error{
		"set without key":    o.Set(nil, nil),
		"delete without key": o.Delete(nil),
		"set too much":       o.Set([]byte("k"), make([]byte, statestore.ValueMaxBytes+1)),
	} {
		var size *statestore.SizeError
		if !errors.As(err, &size) {
			t.Errorf("%s: %v, want a SizeError", what, err)
		}
	}
	if o.Len() != 0 {
		t.Errorf("%d writes got in", o.Len())
	}
}

// TestFlushBesideItsOwner lets a flush land while the owner reads, scans and writes: it must see its own writes all
// along, whether or not the base has them yet.
func TestFlushBesideItsOwner(t *testing.T) {
	t.Parallel()
	store := statestore.NewMemStore()
	o := statestore.NewOverlay(store)
	want := map[string]string{}
	for round := range 100 {
		for i := range 20 {
			key := fmt.Sprintf("k%02d", (round*7+i)%30)
			if i%5 == 0 {
				del(t, o, key)
				delete(want, key)
			} else {
				want[key] = fmt.Sprint(round, i)
				put(t, o, key, want[key])
			}
		}
		flushBeside(t, o, store, func() { wantMap(t, o, want) })
	}
	wantMap(t, store, want)
}

// flushBeside flushes on another goroutine and meanwhile runs what the owner does.
func flushBeside(t *testing.T, o *statestore.Overlay, store statestore.Store, owner func()) {
	t.Helper()
	frozen, err := o.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	var flusher sync.WaitGroup
	flusher.Go(func() {
		var b statestore.Batch
		frozen.AppendTo(&b)
		if err := store.Apply(&b); err != nil {
			t.Error(err)
		}
	})
	owner()
	put(t, o, "new", "above")
	del(t, o, "new")
	owner()
	flusher.Wait()
	owner()
	o.Thaw(frozen, true)
	owner()
}

func wantMap(t *testing.T, r statestore.Reader, want map[string]string) {
	t.Helper()
	if got := len(content(t, r)); got != len(want) {
		t.Errorf("scan sees %d pairs, want %d", got, len(want))
	}
	for key, value := range want {
		if got, ok, err := r.Get([]byte(key)); err != nil || !ok || string(got) != value {
			t.Errorf("get %s = %q, %v, %v; want %q", key, got, ok, err, value)
		}
	}
}
