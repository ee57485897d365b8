package ingest

import (
	"crypto/rand"
	"strconv"
	"sync"
)

// waiters are the requests that wait for their command's outcome, by the address they put into the command. Every
// request has its own, so that the outcome of an earlier command with the same ID is never taken for this one's.
type waiters struct {
	run string // tells the addresses of this run from those of an earlier one under the same instance name

	mu      sync.Mutex
	next    uint64
	waiting map[string]chan []byte
}

func newWaiters() *waiters {
	return &waiters{run: rand.Text()[:13], waiting: map[string]chan []byte{}}
}

// add returns a new address and the channel on which its reply will come.
func (w *waiters) add() (address string, reply <-chan []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next++
	address = w.run + "." + strconv.FormatUint(w.next, 36)
	ch := make(chan []byte, 1)
	w.waiting[address] = ch
	return address, ch
}

func (w *waiters) remove(address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, address)
}

// deliver hands a reply over. It returns false if nobody waits for it: too late, or sent a second time.
func (w *waiters) deliver(address string, reply []byte) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	ch, ok := w.waiting[address]
	if !ok {
		return false
	}
	delete(w.waiting, address)
	ch <- reply // has room: each address is sent to once
	return true
}
