//go:build !nochdb

package chdb

import (
	"errors"
	"testing"
)

func TestOpenWhatIsNoLibrary(t *testing.T) {
	t.Parallel()
	if _, err := Open("/nonexistent/libchdb.so"); err == nil {
		t.Error("opened a library that is not there")
	}
	// A library, but not this one.
	if _, err := Open("libc.so.6"); err == nil || errors.Is(err, ErrUnsupported) {
		t.Errorf("took the C library for libchdb: %v", err)
	}
}
