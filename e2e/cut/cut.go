// Package cut is a network cable that can be cut: connections by way of it break or stall when a test says so, and work
// again when it is mended.
//
// It passes bytes on and knows no protocol. (The proxies one can have as a library bring a server of their own to be
// commanded by HTTP; what is needed here is less than talking to one.)
package cut

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// Line leads from an address of this machine to another.
type Line struct {
	listener net.Listener
	pipes    sync.WaitGroup

	mu     sync.Mutex
	to     string
	broken bool
	passes chan struct{} // closed while bytes pass
	ends   map[net.Conn]bool
}

const bufferBytes = 32 << 10

// Lay lays a line that leads nowhere yet.
func Lay() (*Line, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lay a line: %w", err)
	}
	l := &Line{listener: listener, passes: make(chan struct{}), ends: map[net.Conn]bool{}, broken: true}
	close(l.passes)
	l.pipes.Go(l.accept)
	return l, nil
}

// Addr is where it begins.
func (l *Line) Addr() string { return l.listener.Addr().String() }

// Lead has new connections lead to an address.
func (l *Line) Lead(to string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.to, l.broken = to, false
}

// Cut breaks every connection, and lets none be made: both ends are told at once.
func (l *Line) Cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	l.hangUp()
}

// Stall keeps every connection, and passes nothing on: neither end is told anything.
func (l *Line) Stall() {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.passes:
		l.passes = make(chan struct{})
	default: // stalled already
	}
}

// Mend lets bytes pass and connections be made again. What stalled is passed on, late.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = l.to == ""
	l.pass()
}

func (l *Line) pass() {
	select {
	case <-l.passes:
	default:
		close(l.passes)
	}
}

// Close takes the line away, and waits until nothing of it is left.
func (l *Line) Close() error {
	err := l.listener.Close()
	l.mu.Lock()
	l.broken = true
	l.hangUp()
	l.pass()
	l.mu.Unlock()
	l.pipes.Wait()
	return err
}

func (l *Line) hangUp() {
	for end := range l.ends {
		_ = end.Close() // whoever reads or writes it hears of that
	}
}

func (l *Line) accept() {
	for {
		from, err := l.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			l.pipes.Go(func() { l.connect(from) })
		}
	}
}

// connect passes bytes on, both ways, until one end closes.
func (l *Line) connect(from net.Conn) {
	defer func() { _ = from.Close() }()
	<-l.gate()
	l.mu.Lock()
	to, broken := l.to, l.broken
	l.mu.Unlock()
	if broken {
		return
	}
	onward, err := net.Dial("tcp4", to)
	if err != nil {
		return
	}
	defer func() { _ = onward.Close() }()
	if !l.keep(from, onward) {
		return
	}
	defer l.forget(from, onward)
	var both sync.WaitGroup
	both.Go(func() { l.copy(onward, from) })
	both.Go(func() { l.copy(from, onward) })
	both.Wait()
}

// keep notes the ends of a connection, unless the line was cut while it was made.
func (l *Line) keep(ends ...net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		l.ends[end] = true
	}
	return !l.broken
}

func (l *Line) forget(ends ...net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, end := range ends {
		delete(l.ends, end)
	}
}

func (l *Line) gate() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.passes
}

// copy passes on what comes, and closes both ends when either does: half a connection is none.
func (l *Line) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, bufferBytes)
	for {
		n, err := from.Read(buffer)
		<-l.gate()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
