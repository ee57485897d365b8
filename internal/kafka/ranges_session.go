package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rangeSession is one membership in the group, from joining to leaving.
type rangeSession struct {
	c       *RangeConsumer
	cl      *kgo.Client
	admin   *kadm.Client
	commits committer
	ready   chan struct{} // closed when the three above are set: the library calls back earlier
	// work is the context of everything that must be finished in order: it outlives the end of polling.
	work context.Context

	mu         sync.Mutex
	partitions map[int32]*partitionRun
	err        error // the first that ended the session
	failed     context.CancelFunc
}

const (
	rangeFetchBytes = 16 << 20
	// rangeFetchWait is how long a broker may hold back an empty answer, and with it what is asked behind on the same
	// connection: the end of a declared range.
	rangeFetchWait = 500 * time.Millisecond
)

func (c *RangeConsumer) options(s *rangeSession) []kgo.Opt {
	opts := append(c.cfg.options(),
		kgo.ConsumerGroup(c.cfg.Group),
		kgo.ConsumeTopics(c.cfg.Topic),
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.SessionTimeout(c.cfg.SessionTimeout),
		kgo.HeartbeatInterval(c.cfg.SessionTimeout/10), // this often a member learns that others wait for it
		kgo.RebalanceTimeout(c.cfg.RebalanceTimeout),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(rangeFetchBytes),
		kgo.FetchMaxWait(rangeFetchWait),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.OnOffsetsFetched(s.fetched),
		kgo.OnPartitionsAssigned(s.assigned),
		kgo.OnPartitionsRevoked(s.revoked),
		kgo.OnPartitionsLost(s.lost),
	)
	if c.cfg.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(c.cfg.InstanceID))
	}
	return opts
}

// session joins the group, consumes until ctx ends or something fails, stops the pipelines in order and leaves.
func (c *RangeConsumer) session(ctx context.Context) error {
	polling, failed := context.WithCancel(ctx)
	defer failed()
	s := &rangeSession{c: c, partitions: map[int32]*partitionRun{}, ready: make(chan struct{}), failed: failed, work: context.WithoutCancel(ctx)}
	cl, err := kgo.NewClient(c.options(s)...)
	if err != nil {
		return fmt.Errorf("kafka: group %s: %w", c.cfg.Group, err)
	}
	s.cl, s.admin = cl, kadm.NewClient(cl)
	s.commits = newCommitter(cl, c.cfg)
	close(s.ready)
	for polling.Err() == nil {
		s.dispatch(cl.PollFetches(polling))
		cl.AllowRebalance()
	}
	s.stop(slices.Collect(maps.Keys(s.owned())))
	cl.CloseAllowingRebalance()
	for n, p := range s.owned() { // assigned while we were leaving
		p.abort()
		s.stop([]int32{n})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// dispatch hands what was polled to the pipelines. No rebalance can happen meanwhile.
func (s *rangeSession) dispatch(fetches kgo.Fetches) {
	fetches.EachPartition(func(f kgo.FetchTopicPartition) {
		if f.Err != nil {
			s.fault(f)
			return
		}
		if p := s.owned()[f.Partition]; p != nil && len(f.Records) > 0 {
			p.inbox.put(f.Records, s.aheadBytes())
		}
	})
}

// fault sorts an error of a poll: what passes by itself is logged, the rest ends the session.
func (s *rangeSession) fault(f kgo.FetchTopicPartition) {
	var group *kgo.ErrGroupSession
	switch err := f.Err; {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, kgo.ErrClientClosed):
	case errors.Is(err, kerr.FencedInstanceID):
		s.fail(s.c.fenced(err))
	case errors.Is(err, kerr.OffsetOutOfRange):
		s.fail(fmt.Errorf("kafka: group %s: %s/%d no longer holds the offset it stands at (%w): the topic was truncated, "+
			"made again, or kept too short; rebuild the view", s.c.cfg.Group, s.c.cfg.Topic, f.Partition, err))
	case errors.As(err, &group) && !hopeless(err), kerr.IsRetriable(err):
		s.c.cfg.Log.Warn("the group's session was interrupted and goes on", "group", s.c.cfg.Group, "error", err)
	case hopeless(err):
		s.fail(fmt.Errorf("kafka: group %s may not read %s: %w", s.c.cfg.Group, s.c.cfg.Topic, err))
	default:
		s.fail(Rejoin(fmt.Errorf("kafka: group %s reading %s/%d: %w", s.c.cfg.Group, s.c.cfg.Topic, f.Partition, err)))
	}
}

// fenced says what to do about another process with our name. Joining again would only fence it in turn, for ever.
func (c *RangeConsumer) fenced(err error) error {
	return fmt.Errorf("kafka: another process joined group %s under the instance ID %q: give each process its own (%w)",
		c.cfg.Group, c.cfg.InstanceID, err)
}

// hopeless says that a refusal will be repeated until a person changes something.
func hopeless(err error) bool {
	return errors.Is(err, kerr.GroupAuthorizationFailed) || errors.Is(err, kerr.TopicAuthorizationFailed) ||
		errors.Is(err, kerr.InvalidGroupID) || errors.Is(err, kerr.InconsistentGroupProtocol)
}

// fail ends the session with err, unless something ended it before.
func (s *rangeSession) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
	s.failed()
}

// fetched starts the pipelines of partitions that were assigned, at what the group has committed. The library calls it
// before it fetches their first record. What is wrong ends the session through the poll loop, not from here: an error
// returned to the library would only make it join again.
func (s *rangeSession) fetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	<-s.ready
	for _, g := range resp.Groups {
		for _, t := range g.Topics {
			for _, got := range t.Partitions {
				if got.ErrorCode != 0 {
					continue // the library retries it or returns it from a poll
				}
				at, err := s.c.readCommitted(got.Partition, got.Offset, got.Metadata)
				if err != nil {
					s.fail(err)
					continue
				}
				s.start(got.Partition, at)
			}
		}
	}
	s.announce()
	return nil
}

func (s *rangeSession) start(partition int32, at committed) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.partitions[partition] != nil {
		return // offsets are fetched again after an interrupted assignment; nothing was consumed in between
	}
	p := newPartitionRun(s, partition, at)
	s.partitions[partition] = p
	go p.run()
}

// assigned matters for its side effect on the library: with it, no assignment happens between a poll and its dispatch.
func (s *rangeSession) assigned(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	if len(added[s.c.cfg.Topic]) == 0 {
		s.announce()
	}
}

// revoked blocks until the pipelines of what goes to others have stopped and confirmed.
func (s *rangeSession) revoked(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	if s.c.cfg.Without&GuardRevokeWaits != 0 {
		return
	}
	s.stop(gone[s.c.cfg.Topic])
	s.announce()
}

// lost takes the leases of partitions that may have other owners already, and waits for the pipelines' end.
func (s *rangeSession) lost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	for _, n := range gone[s.c.cfg.Topic] {
		if p := s.owned()[n]; p != nil {
			p.abort()
		}
	}
	s.stop(gone[s.c.cfg.Topic])
	s.announce()
}

// stop lets the pipelines finish the range in work and waits for them.
func (s *rangeSession) stop(partitions []int32) {
	all := s.owned()
	for _, n := range partitions {
		if p := all[n]; p != nil {
			p.finish()
		}
	}
	for _, n := range partitions {
		if p := all[n]; p != nil {
			<-p.done
			p.lease.take()
			s.cl.ResumeFetchPartitions(s.only(n))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range partitions {
		delete(s.partitions, n)
	}
}

// announce tells the handler what this member owns.
func (s *rangeSession) announce() {
	s.c.handler.Owned(slices.Sorted(maps.Keys(s.owned())))
}

// owned returns a copy of the pipelines by partition.
func (s *rangeSession) owned() map[int32]*partitionRun {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.partitions)
}

// aheadBytes is what one partition may have fetched and not processed.
func (s *rangeSession) aheadBytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.c.cfg.Limits.AheadBytes/max(len(s.partitions), 1), partitionAheadBytesFloor)
}

func (s *rangeSession) only(partition int32) map[string][]int32 {
	return map[string][]int32{s.c.cfg.Topic: {partition}}
}
