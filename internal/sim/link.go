package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// link is the network of one process, as far as it leads to the brokers: every connection it makes passes through here,
// request by request. It can be frozen and thawed, cut for good, made to lose and to delay.
type link struct {
	dial func(ctx context.Context, network, host string) (net.Conn, error)
	// watch is told of each request before it leaves and of each answer before it is heard, and says what becomes of it.
	watch func(passage) verdict

	mu    sync.Mutex
	conns map[*conn]struct{}
	cut   bool
	thaw  chan struct{} // closed when the link is no longer frozen; nil while it is not
}

// passage is a request or its answer on its way.
type passage struct {
	key    int16 // the request's API key
	answer bool
	frame  []byte // without its size
}

// verdict is what becomes of a passage: it may be late, it may be lost and the connection with it, and something else may
// arrive.
type verdict struct {
	lost    bool
	delay   time.Duration
	instead []byte // nil: what was sent
}

var (
	errCut  = errors.New("sim: this process has no network any more")
	errLost = errors.New("sim: the connection broke")
)

func newLink(dial func(ctx context.Context, network, host string) (net.Conn, error), watch func(passage) verdict) *link {
	return &link{dial: dial, watch: watch, conns: map[*conn]struct{}{}}
}

// connect is a kafka.Config's Dialer.
func (l *link) connect(ctx context.Context, network, host string) (net.Conn, error) {
	if err := l.flows(ctx.Done(), nil, nil); err != nil {
		return nil, errors.Join(err, ctx.Err())
	}
	inner, err := l.dial(ctx, network, host)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: inner, link: l, closed: make(chan struct{}), reads: newDeadline(), writes: newDeadline()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return nil, errors.Join(errCut, inner.Close())
	}
	l.conns[c] = struct{}{}
	return c, nil
}

// flows waits until the link is not frozen.
func (l *link) flows(canceled, closed, late <-chan struct{}) error {
	for {
		l.mu.Lock()
		cut, thaw := l.cut, l.thaw
		l.mu.Unlock()
		if cut {
			return errCut
		}
		if thaw == nil {
			return nil
		}
		select {
		case <-thaw:
		case <-canceled:
			return errLost
		case <-closed:
			return net.ErrClosed
		case <-late:
			return os.ErrDeadlineExceeded
		}
	}
}

// freeze holds back everything, in both directions, until melt. Deadlines go on.
func (l *link) freeze() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw == nil {
		l.thaw = make(chan struct{})
	}
}

func (l *link) melt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.thaw != nil {
		close(l.thaw)
		l.thaw = nil
	}
}

// sever cuts the link for good: the process is dead, and nothing it still does is heard.
func (l *link) sever() {
	l.mu.Lock()
	l.cut = true
	l.mu.Unlock()
	l.melt()
	l.reset()
}

// reset breaks every connection there is.
func (l *link) reset() {
	l.mu.Lock()
	conns := make([]*conn, 0, len(l.conns))
	for c := range l.conns {
		conns = append(conns, c)
	}
	l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close() // a pipe's Close can't fail
	}
}

// conn is a connection of a link. The client writes each request with one Write, and answers come in the requests' order.
type conn struct {
	net.Conn
	link *link

	closing sync.Once
	closed  chan struct{}
	reads   *deadline
	writes  *deadline

	mu      sync.Mutex
	waiting []int16 // the API keys of the requests without an answer yet
	rest    []byte  // of an answer that has been let through
}

func (c *conn) Write(b []byte) (int, error) {
	const sizeBytes, keyBytes = 4, 2
	if len(b) < sizeBytes+keyBytes {
		return 0, errors.New("sim: a request in pieces")
	}
	key := int16(binary.BigEndian.Uint16(b[sizeBytes:]))
	frame, err := c.pass(passage{key: key, frame: b[sizeBytes:]}, c.writes)
	if err != nil {
		return 0, err
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, key)
	c.mu.Unlock()
	if _, err := c.Conn.Write(sized(frame)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// sized puts its size in front of a frame.
func sized(frame []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(frame)), uint32(len(frame))), frame...)
}

func (c *conn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		frame, err := c.answer()
		if err != nil {
			return 0, err
		}
		c.rest = frame
	}
	n := copy(b, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// answer reads a whole answer, size and all, and lets it through or loses it.
func (c *conn) answer() ([]byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(c.Conn, size); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(size))
	if _, err := io.ReadFull(c.Conn, body); err != nil {
		return nil, err
	}
	c.mu.Lock()
	key := c.waiting[0]
	c.waiting = c.waiting[1:]
	c.mu.Unlock()
	frame, err := c.pass(passage{key: key, answer: true, frame: body}, c.reads)
	if err != nil {
		return nil, err
	}
	return sized(frame), nil
}

// pass takes p through the link's faults, and returns what arrives.
func (c *conn) pass(p passage, d *deadline) ([]byte, error) {
	if err := c.link.flows(nil, c.closed, d.passed()); err != nil {
		return nil, err
	}
	becomes := c.link.watch(p)
	if becomes.lost {
		return nil, errors.Join(errLost, c.Close())
	}
	if becomes.delay > 0 {
		select {
		case <-time.After(becomes.delay):
		case <-c.closed:
			return nil, net.ErrClosed
		case <-d.passed():
			return nil, os.ErrDeadlineExceeded
		}
	}
	if becomes.instead != nil {
		p.frame = becomes.instead
	}
	return p.frame, c.link.flows(nil, c.closed, d.passed()) // whoever watched may have frozen it
}

func (c *conn) Close() error {
	c.closing.Do(func() { close(c.closed) })
	c.link.mu.Lock()
	delete(c.link.conns, c)
	c.link.mu.Unlock()
	return c.Conn.Close()
}

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.reads.set(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.writes.set(t)
	return c.Conn.SetWriteDeadline(t)
}

// deadline is a time that may be moved while somebody waits for it.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{}
}

func newDeadline() *deadline { return &deadline{done: make(chan struct{})} }

// passed is closed once the deadline has passed, the one of now or one set later.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.done // it fires, or has fired
	}
	d.timer = nil
	select {
	case <-d.done:
		d.done = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return
	}
	done := d.done
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { close(done) })
		return
	}
	close(done)
}
