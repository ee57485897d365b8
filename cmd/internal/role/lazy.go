package role

import (
	"context"
	"fmt"
)

// Lazy is a connection that is opened when it is first asked for, so that what can do without it starts without it. One that
// can't be opened is tried again by the next who asks. It is safe for use by many goroutines.
type Lazy[T any] struct {
	open   func(ctx context.Context) (T, error)
	turn   chan struct{} // held by whoever looks at value
	value  T
	opened bool
}

// NewLazy returns one that open opens.
func NewLazy[T any](open func(ctx context.Context) (T, error)) *Lazy[T] {
	return &Lazy[T]{open: open, turn: make(chan struct{}, 1)}
}

// Get returns the connection. One caller opens it, and the others wait no longer than they want to.
func (l *Lazy[T]) Get(ctx context.Context) (none T, err error) {
	select {
	case <-ctx.Done():
		return none, fmt.Errorf("waiting for a connection: %w", ctx.Err())
	case l.turn <- struct{}{}:
	}
	defer func() { <-l.turn }()
	if !l.opened {
		value, err := l.open(ctx)
		if err != nil {
			return none, err
		}
		l.value, l.opened = value, true
	}
	return l.value, nil
}

// Close closes the connection, if it was opened. Nobody may be using it.
func (l *Lazy[T]) Close(close func(T) error) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if !l.opened {
		return nil
	}
	return close(l.value)
}
