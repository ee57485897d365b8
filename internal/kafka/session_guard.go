package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// guardPatience is how long a broker that has just started may take to say what is open.
	guardPatience = 30 * time.Second
	guardPoll     = 100 * time.Millisecond
)

// guard keeps a session from writing behind a transaction of its own that hangs (see TransactionHangs).
//
// To a partition, a transaction is all that a producer has written since its last marker. If one was never ended there,
// what the producer writes next belongs to it, and the next marker decides about both:
//
//	session A: aborts N, with the place behind partition 1's newest commands in it; is told so
//	the broker that coordinates: writes the decision down, dies before the markers; comes back, and forgets them
//	A: no longer owns 1; commits N+1, with the places of its other partitions
//	the group: what N said of partition 1 counts with N+1, though nothing of N was decided
//	session B, which takes 1 over before its owner's next commit: starts behind commands that nobody has decided
//
// Likewise events of an aborted N would be committed by N+1, and those of a committed N lost by an N+1 that is aborted.
//
// A coordinator forgets the partitions that have no leader, so whoever leads them has lost its connections, and makes
// clients wait until it leads again. Hence a session looks at what it has open when it has taken its transactional ID,
// and then before each connection that its client makes, behind which nothing is sent until none hangs:
//
//	N is ended, and A is told so; the broker dies     (N+1 cannot have been written: N's markers come first)
//	A: wants to write N+1, finds its connection dead, makes another: looks, ends N as it was decided, writes
//
// A broker's death takes several connections, and each looks. They do so one after another, or this could happen where
// a producer's transactions share an epoch:
//
//	connection 1: sees that N hangs             connection 2: sees it too
//	connection 1: ends N, is given to the client, which writes N+1 behind it
//	connection 2: writes its marker for N: it ends what N+1 has written so far
//
// What hangs is ended as EndTransaction does. Where that is not known, or not allowed, the session does not go on.
type guard struct {
	cfg      SessionConfig
	topics   []string     // what a session may write to: it answers to any context's processes, and they send to any context
	producer atomic.Int64 // the session's, once it has one
	armed    atomic.Bool
	blind    sync.Once // to say once that it can't look
	looking  sync.Mutex
}

// arm has every later connection wait for what the producer has open.
func (g *guard) arm(producer int64) {
	g.producer.Store(producer)
	g.armed.Store(true)
}

// connect looks behind the connection that it has made: what was looked at before could be older than the broker's start.
func (g *guard) connect(ctx context.Context, network, host string) (net.Conn, error) {
	conn, err := g.cfg.connect(ctx, network, host)
	if err != nil || !g.armed.Load() {
		return conn, err
	}
	if err := g.settle(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// settle returns once nothing of the session's hangs, and nothing is being ended.
func (g *guard) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, guardPatience)
	defer cancel()
	err := administer(g.cfg.Config, func(admin *kadm.Client) error {
		for {
			settled, err := g.lookAlone(ctx, admin)
			if settled || errors.Is(err, errHangs) {
				return err
			}
			select {
			case <-ctx.Done():
				return errors.Join(fmt.Errorf("no broker says how its last transaction ended: %w", ctx.Err()), err)
			case <-time.After(guardPoll):
			}
		}
	})
	if err != nil {
		return fmt.Errorf("kafka: looking for what %s left open: %w", g.cfg.TransactionalID, err)
	}
	return nil
}

// lookAlone lets one connection look at a time. Each look is bounded by its own ctx, and so is the wait for those before.
func (g *guard) lookAlone(ctx context.Context, admin *kadm.Client) (settled bool, err error) {
	g.looking.Lock()
	defer g.looking.Unlock()
	return g.look(ctx, admin)
}

// look ends what hangs, and reports whether all that is left is a transaction that runs: the session's next. Who may not
// look goes on as if there were nothing: mostly there is nothing.
func (g *guard) look(ctx context.Context, admin *kadm.Client) (settled bool, err error) {
	s := TransactionSearch{
		Topics: g.topics, Groups: []string{g.cfg.Group}, Producers: []int64{g.producer.Load()}, Now: time.Now(),
	}
	set, err := s.partitions(ctx, admin)
	var open []Transaction
	if err == nil {
		open, err = s.openTransactions(ctx, admin, set)
	}
	switch {
	case isUnauthorized(err):
		g.blind.Do(func() {
			g.warn("a session may not see whether a transaction of its own hangs: what that one holds could count later (docs/kafka.md says what it takes)", "cause", err)
		})
		return true, nil
	case err != nil:
		return false, err
	}
	settled = true
	for _, t := range open {
		switch t.Standing {
		case TransactionRuns:
		case TransactionHangs:
			if err := g.end(ctx, t); err != nil {
				return false, err
			}
		default:
			settled = false
		}
	}
	return settled, nil
}

func (g *guard) end(ctx context.Context, t Transaction) error {
	err := EndTransaction(ctx, g.cfg.Config, t, false)
	switch {
	case errors.Is(err, ErrNoTransaction): // somebody was faster
		return nil
	case errors.Is(err, ErrDecisionUnknown), isUnauthorized(err):
		return fmt.Errorf("%w: %w", errHangs, err)
	case err != nil:
		return err
	}
	g.warn("ended a transaction that its coordinator had forgotten", "topic", t.Topic, "partition", t.Partition, "start", t.StartOffset, "producer_epoch", t.ProducerEpoch)
	return nil
}

func (g *guard) warn(message string, about ...any) {
	if g.cfg.Log != nil {
		g.cfg.Log.Warn(message, append(about, "transactional_id", g.cfg.TransactionalID)...)
	}
}

// errHangs says what an operator is to do.
var errHangs = errors.New("a transaction of its own hangs, and nothing is written behind it until it is ended (aggregator transactions lists it, and says how)")

// isUnauthorized reports whether brokers refused an answer to who asked.
func isUnauthorized(err error) bool {
	for _, refusal := range []error{kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.GroupAuthorizationFailed, kerr.TransactionalIDAuthorizationFailed} {
		if errors.Is(err, refusal) {
			return true
		}
	}
	return false
}
