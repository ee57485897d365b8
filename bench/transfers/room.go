package main

import "context"

// room holds so many transfers at a time: who comes next waits until one has left.
type room struct{ places chan struct{} }

func newRoom(places int) room {
	r := room{make(chan struct{}, places)}
	r.leave(places)
	return r
}

// enter takes a place, as soon as there is one.
func (r room) enter(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.places:
		return nil
	}
}

// leave gives places back. There are never more than at the beginning: who leaves and has not entered gives none.
func (r room) leave(places int) {
	for range places {
		select {
		case r.places <- struct{}{}:
		default:
		}
	}
}
