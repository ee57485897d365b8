package statestore

import (
	"errors"
	"testing"
)

// TestBatchLimit starts from a batch that is all but full: filling one takes seconds.
func TestBatchLimit(t *testing.T) {
	t.Parallel()
	const room = 8
	b := Batch{buf: make([]byte, BatchMaxBytes-room, BatchMaxBytes)}
	b.Set([]byte("key"), []byte("12345"))
	if b.Err() != nil || b.Len() != 1 || b.Bytes() != BatchMaxBytes {
		t.Fatalf("the last write that fits: %v, %d writes of %d bytes", b.Err(), b.Len(), b.Bytes())
	}
	b.Set([]byte("k"), nil)
	b.Set(nil, nil)
	var size *SizeError
	if !errors.As(b.Err(), &size) || size.What != "batch" || size.Bytes != BatchMaxBytes+1 || b.Len() != 1 {
		t.Errorf("past the limit: %v, %d writes; want the first fault, and one", b.Err(), b.Len())
	}
	b.Reset()
	if b.Err() != nil || cap(b.buf) > batchRetainBytes {
		t.Errorf("after a reset: %v, %d bytes retained, at most %d are to be", b.Err(), cap(b.buf), batchRetainBytes)
	}
}

// TestLayerIsLetGo: an overlay that held a recovery does not make every later batch pay for emptying its map.
func TestLayerIsLetGo(t *testing.T) {
	t.Parallel()
	l := newLayer()
	key := make([]byte, 4)
	for i := range layerRetainWrites + 1 {
		key[0], key[1], key[2] = byte(i), byte(i>>8), byte(i>>16)
		l.put(key, nil, false)
	}
	l.reset()
	if cap(l.writes) != 0 || len(l.index) != 0 {
		t.Errorf("kept room for %d writes", cap(l.writes))
	}
	l.put(key, nil, false)
	l.reset()
	if cap(l.writes) == 0 || len(l.index) != 0 {
		t.Error("a small layer was let go too")
	}
}
