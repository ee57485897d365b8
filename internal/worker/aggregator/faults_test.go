package aggregator_test

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"recount/internal/statestore"
)

// API keys of requests.
const (
	produce = 0
	fetch   = 1
	endTxn  = 26 // the request that decides a transaction
)

// faultyNet breaks connections around the requests that end transactions.
type faultyNet struct {
	every int64        // break every n-th; 0: none
	idle  atomic.Bool  // breaks nothing for now
	lost  bool         // the request is lost; else it arrives, and its answer is lost
	ends  atomic.Int64 // EndTxn requests seen
	broke atomic.Int64
}

func (n *faultyNet) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return &faultyConn{Conn: c, net: n}, nil
}

type faultyConn struct {
	net.Conn
	net    *faultyNet
	broken atomic.Bool
}

var errBroken = errors.New("the test broke this connection")

func (c *faultyConn) Write(b []byte) (int, error) {
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == endTxn && c.net.every > 0 && !c.net.idle.Load() && c.net.ends.Add(1)%c.net.every == 0 {
		c.net.broke.Add(1)
		if c.net.lost {
			return 0, errors.Join(errBroken, c.Close())
		}
		c.broken.Store(true)
	}
	return c.Conn.Write(b)
}

func (c *faultyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b) // the broker has acted once it answers
	if c.broken.Load() {
		return 0, errors.Join(errBroken, c.Close())
	}
	return n, err
}

func TestAnEndOfUnknownOutcome(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]bool{"the request is lost": true, "the answer is lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPipeline(t)
			broken := &faultyNet{every: 3, lost: lost}
			cfg := p.config("w1", statestore.NewMem())
			cfg.Kafka.Dialer = broken.dial
			cfg.BatchMax = 50
			p.start(cfg)
			p.openAccounts(8)
			p.deposit(8, 60, "d")
			p.flush()
			total := 8 + 8*60
			if n := len(p.events(total)); n != total {
				t.Fatalf("%d events, want %d", n, total)
			}
			if broken.broke.Load() < 3 {
				t.Fatalf("only %d connections were broken: the test shows nothing", broken.broke.Load())
			}
		})
	}
}

// beforeReading is a network that does something before the first record is asked for.
type beforeReading struct {
	do   func()
	once sync.Once
	done atomic.Bool
}

func (n *beforeReading) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	return &watchedConn{Conn: c, net: n}, nil
}

type watchedConn struct {
	net.Conn
	net *beforeReading
}

func (c *watchedConn) Write(b []byte) (int, error) {
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == fetch {
		c.net.once.Do(func() { c.net.do(); c.net.done.Store(true) })
	}
	return c.Conn.Write(b)
}
