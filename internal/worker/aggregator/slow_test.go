package aggregator_test

import (
	"context"
	"encoding/binary"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/statestore"
)

// slowNet carries so little that what is written waits for its turn, each byte for some time.
type slowNet struct {
	perByte time.Duration
	writes  atomic.Int64 // of records
}

func (n *slowNet) dial(ctx context.Context, network, host string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, host)
	return &slowConn{c, n}, err
}

type slowConn struct {
	net.Conn
	net *slowNet
}

func (c *slowConn) Write(b []byte) (int, error) {
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == produce {
		c.net.writes.Add(1)
		time.Sleep(time.Duration(len(b)) * c.net.perByte)
	}
	return c.Conn.Write(b)
}

// TestABatchThatTakesTooLongIsHalvedAcrossRestarts: a session gives a transaction up after twice its timeout and starts
// again with a new client. Were it to begin with a full batch again, it would do so for ever.
func TestABatchThatTakesTooLongIsHalvedAcrossRestarts(t *testing.T) {
	t.Parallel()
	const accounts, each, batch = 4, 31, 128
	p := newPipeline(t)
	p.openAccounts(accounts)
	p.deposit(accounts, each, "d")
	p.flush()
	slow := &slowNet{perByte: 50 * time.Microsecond} // some 380 bytes an event: 2.4 s a full batch
	cfg := p.config("w1", statestore.NewMem())
	cfg.Kafka.Dialer, cfg.BatchMax, cfg.TransactionTimeout, cfg.CheckpointEvery = slow.dial, batch, 500*time.Millisecond, -1
	p.start(cfg)
	const total = accounts * (1 + each)
	if n := len(p.events(total)); n != total {
		t.Fatalf("%d events, want %d", n, total)
	}
	if slow.writes.Load() < 3 {
		t.Errorf("the records were written %d times: the first batch was not too slow", slow.writes.Load())
	}
}
