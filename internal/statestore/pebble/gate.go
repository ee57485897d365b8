package pebble

import (
	"sync"

	"recount/internal/statestore"
)

// gate counts who is inside and, once shut, lets nobody in and waits until all are out. A read-write lock would not do:
// the body of a scan reads and writes the same store, and a second read lock behind a waiting writer never comes.
type gate struct {
	mu     sync.Mutex
	inside int
	isShut bool
	empty  chan struct{} // closed when the gate is shut and nobody is inside
}

func newGate() *gate { return &gate{empty: make(chan struct{})} }

func (g *gate) enter() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isShut {
		return statestore.ErrClosed
	}
	g.inside++
	return nil
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	g.settle()
}

// shut closes the gate and waits. It is called once.
func (g *gate) shut() {
	g.mu.Lock()
	g.isShut = true
	g.settle()
	g.mu.Unlock()
	<-g.empty
}

func (g *gate) settle() {
	if g.isShut && g.inside == 0 {
		close(g.empty)
	}
}
