package role

import (
	"context"
	"errors"
	"testing"
)

func TestWhatCouldNotBeOpenedIsTriedAgain(t *testing.T) {
	t.Parallel()
	tries := 0
	l := NewLazy(func(context.Context) (int, error) {
		if tries++; tries == 1 {
			return 0, errors.New("not yet")
		}
		return tries, nil
	})
	if _, err := l.Get(t.Context()); err == nil {
		t.Error("the first time there was nothing to open")
	}
	for range 2 {
		if got, err := l.Get(t.Context()); got != 2 || err != nil {
			t.Errorf("%d, %v: it is opened once", got, err)
		}
	}
	closed := 0
	if err := l.Close(func(n int) error { closed = n; return nil }); err != nil || closed != 2 {
		t.Errorf("closed %d, %v", closed, err)
	}
}
