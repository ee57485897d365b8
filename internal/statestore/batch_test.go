package statestore_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"recount/internal/statestore"
)

func ops(b *statestore.Batch) []string {
	var all []string
	for op := range b.All() {
		all = append(all, fmt.Sprintf("%s=%s %v", op.Key, op.Value, op.Delete))
	}
	return all
}

func TestBatch(t *testing.T) {
	t.Parallel()
	var b statestore.Batch
	b.Set([]byte("a"), []byte("1"))
	b.Delete([]byte("a"))
	b.Set([]byte("b"), nil)
	want := []string{"a=1 false", "a= true", "b= false"}
	if got := ops(&b); !slices.Equal(got, want) || b.Len() != 3 || b.Bytes() != 4 || b.Err() != nil {
		t.Errorf("batch: %q, %d writes of %d bytes, %v; want %q", got, b.Len(), b.Bytes(), b.Err(), want)
	}
	for op := range b.All() {
		_ = append(op.Key, 0) // must not reach the value behind it
		break
	}
	if got := ops(&b); !slices.Equal(got, want) {
		t.Errorf("appending to a key changed the batch: %q", got)
	}
	b.Reset()
	if b.Len() != 0 || b.Bytes() != 0 || len(ops(&b)) != 0 {
		t.Errorf("after a reset: %q, %d writes of %d bytes", ops(&b), b.Len(), b.Bytes())
	}
}

func TestSizeErrorSaysWhat(t *testing.T) {
	t.Parallel()
	var b statestore.Batch
	b.Delete(nil)
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "empty key") {
		t.Errorf("deleting the empty key: %v", err)
	}
	b.Reset()
	b.Set(bytes.Repeat([]byte("k"), 3000), nil)
	if err := b.Err(); err == nil || !strings.Contains(err.Error(), "key of 3000 bytes, at most 2048") {
		t.Errorf("a long key: %v", err)
	}
}
