package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// SessionConfig describes one transactional member of a group.
type SessionConfig struct {
	Config
	Group string
	// InstanceID and TransactionalID are this session's for life: after a restart it takes its old place at once, and ends
	// what its predecessor left open.
	InstanceID, TransactionalID string
	// Inputs are the topics read, all with the same partition count; a member owns the same partitions of each.
	Inputs []string
	// Steering is what this session tells its group of its worker, and hears from it.
	Steering Steering
	// TransactionTimeout bounds how long a dead worker's transaction holds up readers, SessionTimeout how long its partitions
	// have no owner. Zero: the defaults.
	TransactionTimeout, SessionTimeout time.Duration
	// BufferedRecordsMax bounds the records of one transaction that wait to be sent. Zero: 400,000.
	BufferedRecordsMax int
}

// Session reads the inputs of the partitions it owns and writes in transactions that include its place in those inputs.
// It belongs to one goroutine, which repeats:
//
//	gained, lost, news := s.Changes()   // between transactions only
//	…give up what is lost, s.Settle, take over what is gained, s.Resume…
//	records := s.Poll(ctx, n)
//	committed, err := s.Commit(ctx, outputs, positions)   // or s.Begin, t.Write as outputs come, t.Commit
//	s.Recycle(records)
//	s.AllowRebalance()
//
// The group's callbacks run on another goroutine and only write down what happened: a rebalance waits until
// AllowRebalance, so none takes place between a Poll that returned records and the end of their transaction.
type Session struct {
	cfg     SessionConfig
	session *kgo.GroupTransactSession
	admin   *kadm.Client
	guard   *guard
	cut     context.CancelFunc // ends every request under way, and every later one
	aborted AbortCause         // of the last Commit
	member  string             // who this session was in its group, the last time the loop looked

	mu      sync.Mutex
	owned   map[int32]bool
	changes []change
	news    bool               // the group has spoken since the last Changes, if only to assign nothing
	wake    context.CancelFunc // ends what must not outlast the group's next word; nil while there is nothing
}

type change struct {
	partition int32
	gained    bool
}

const (
	bufferedRecordsMaxDefault = 400_000
	produceLinger             = 5 * time.Millisecond
	// heartbeatMax is how long a member may not know that the group wants to share out anew. It is short, because one
	// that has joined waits for all others, and can't commit meanwhile: the slowest to hear of it sets the pause.
	heartbeatMax = 100 * time.Millisecond
	// What one fetch brings: enough for the largest transaction of all partitions while another is under way, and no
	// more, for it is all in memory.
	fetchBytesMax          = 16 << 20
	fetchPartitionBytesMax = 2 << 20
)

// OpenSession starts a session. Its transactional ID is taken before it joins the group, so that whatever a predecessor
// with the same ID left open is ended first: otherwise the offsets of that transaction would keep this one waiting. What
// its coordinator has forgotten to end is ended too, see guard.
func OpenSession(ctx context.Context, cfg SessionConfig) (*Session, error) {
	cfg.TransactionTimeout = cmp.Or(cfg.TransactionTimeout, TransactionTimeoutDefault)
	cfg.SessionTimeout = cmp.Or(cfg.SessionTimeout, SessionTimeoutDefault)
	cfg.BufferedRecordsMax = cmp.Or(cfg.BufferedRecordsMax, bufferedRecordsMaxDefault)
	s := &Session{cfg: cfg, owned: map[int32]bool{}, guard: &guard{cfg: cfg}}
	life, cut := context.WithCancel(context.Background())
	s.cut = cut
	session, err := kgo.NewGroupTransactSession(append(cfg.options(),
		kgo.WithContext(life),
		kgo.Dialer(s.guard.connect),
		kgo.ConsumerGroup(cfg.Group),
		kgo.InstanceID(cfg.InstanceID),
		kgo.TransactionalID(cfg.TransactionalID),
		kgo.TransactionTimeout(cfg.TransactionTimeout),
		kgo.SessionTimeout(cfg.SessionTimeout),
		kgo.HeartbeatInterval(min(cfg.SessionTimeout/10, heartbeatMax)),
		kgo.RebalanceTimeout(2*cfg.TransactionTimeout),
		kgo.Balancers(assignor{joins: s.joining, steering: cfg.Steering}),
		kgo.BlockRebalanceOnPoll(),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxWait(250*time.Millisecond),
		// Our own check of the fetched offsets decides where to start; these two are the backstop behind it.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(produceLinger),
		kgo.ProducerBatchMaxBytes(RecordBytesMax),
		kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.MaxBufferedRecords(cfg.BufferedRecordsMax),
		kgo.FetchMaxBytes(fetchBytesMax),
		kgo.FetchMaxPartitionBytes(fetchPartitionBytesMax),
		kgo.WithPools(&recordPool{}),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, got map[string][]int32) { s.assigned(cl, got) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { s.revoked(gone) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, gone map[string][]int32) { s.revoked(gone) }),
	)...)
	if err != nil {
		cut()
		return nil, fmt.Errorf("kafka: session %s: %w", cfg.TransactionalID, err)
	}
	s.session, s.admin = session, kadm.NewClient(session.Client())
	if err := s.take(ctx); err != nil {
		session.Close()
		cut()
		return nil, fmt.Errorf("kafka: taking transactional ID %s: %w", cfg.TransactionalID, err)
	}
	session.Client().AddConsumeTopics(cfg.Inputs...)
	return s, nil
}

// take takes the transactional ID, and ends all that was begun under it.
func (s *Session) take(ctx context.Context) error {
	producer, _, err := s.session.Client().ProducerID(ctx)
	if err != nil {
		return err
	}
	if s.guard.topics, err = contextTopicsOf(ctx, s.admin); err != nil {
		return err
	}
	s.guard.arm(producer)
	return s.guard.settle(ctx)
}

// assigned runs before the first fetch of what was assigned: paused, nothing of it is read until the loop has taken it over.
// Pausing and writing down are one step under the lock, see Resume.
func (s *Session) assigned(cl *kgo.Client, got map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cl.PauseFetchPartitions(topicPartitions(s.cfg.Inputs, numbers(got)))
	s.append(got, true)
}

func (s *Session) revoked(gone map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.append(gone, false)
}

// joining hears of revokes that nobody told. The client calls back for one revoke, and not for the next until a
// transaction has been ended (see Settle): of two that come while the loop is busy, it keeps the second to itself. But
// each is followed by a join that says what is still owned.
func (s *Session) joining(owned map[string][]int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	still := map[int32]bool{}
	for _, p := range numbers(owned) {
		still[p] = true
	}
	gone := slices.Sorted(maps.Keys(s.owned))
	gone = slices.DeleteFunc(gone, func(p int32) bool { return still[p] })
	if len(gone) > 0 {
		s.append(map[string][]int32{"": gone}, false)
	}
}

func (s *Session) append(m map[string][]int32, gained bool) {
	s.news = true
	for _, p := range numbers(m) {
		s.changes = append(s.changes, change{p, gained})
		if gained {
			s.owned[p] = true
		} else {
			delete(s.owned, p)
		}
	}
	if s.wake != nil {
		s.wake()
	}
}

// numbers returns the partition numbers of an assignment, each once.
func numbers(m map[string][]int32) []int32 {
	seen := map[int32]bool{}
	var out []int32
	for _, ps := range m {
		for _, p := range ps {
			if !seen[p] {
				seen[p] = true
				out = append(out, p)
			}
		}
	}
	return out
}

// Changes returns what the group has given and taken since the last call, and whether it has spoken at all: it may
// have assigned nothing. A partition in both was taken and given again: it is to be given up first, then taken over.
//
// So is everything once this session is another member than it was. The client tells nobody:
//
//	heard of a rebalance, joins; sleeps (SIGSTOP, a long pause)
//	                                       the group drops it; others decide its partitions
//	wakes: the join is answered "unknown member"; the client joins again under another member ID
//	is given the same partitions again: to the client nothing has changed, and there is no callback
func (s *Session) Changes() (gained, lost []int32, news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := map[int32]bool{}
	gone := map[int32]bool{}
	for _, c := range s.changes {
		last[c.partition] = c.gained
		gone[c.partition] = gone[c.partition] || !c.gained
	}
	news, s.news, s.changes = s.news, false, nil
	if now, _ := s.session.Client().GroupMetadata(); now != s.member {
		s.member = now
		for p := range s.owned {
			if _, told := last[p]; !told {
				news, last[p], gone[p] = true, true, true
			}
		}
	}
	for p, isGained := range last {
		if isGained {
			gained = append(gained, p)
		}
		if gone[p] {
			lost = append(lost, p)
		}
	}
	return gained, lost, news
}

// Assigned returns the partitions that the group has given and not taken since, in order, whether or not the loop knows yet.
// Any goroutine may ask.
func (s *Session) Assigned() []int32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.owned))
}

// Settle forgets a revoke, outside a transaction: the client would otherwise abort the next transaction for it.
func (s *Session) Settle(ctx context.Context) error {
	if _, err := s.session.End(ctx, kgo.TryAbort); err != nil {
		return fmt.Errorf("kafka: settling after a rebalance: %w", err)
	}
	return nil
}

// Resume starts reading partitions that have been taken over, unless the group has given or taken some since the last
// Changes: then it reports false, and the loop looks at those first. Otherwise this could happen:
//
//	loop: takes partition 3 over                     callback: 3 is revoked, and assigned again: paused
//	loop: resumes 3                                  (3 is read without having been taken over)
func (s *Session) Resume(partitions []int32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.news {
		return false
	}
	s.session.Client().ResumeFetchPartitions(topicPartitions(s.cfg.Inputs, partitions))
	return true
}

// Pause stops reading partitions that are to be taken over again.
func (s *Session) Pause(partitions []int32) {
	s.session.Client().PauseFetchPartitions(topicPartitions(s.cfg.Inputs, partitions))
}

// UntilNews returns a context that ends with ctx, or as soon as the group gives or takes partitions, for whatever must not
// outlast that: waiting for a partition that may be another's by now. One at a time, and cancel ends it.
func (s *Session) UntilNews(ctx context.Context) (undisturbed context.Context, cancel context.CancelFunc) {
	undisturbed, stop := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wake = stop
	if s.news { // noted before it could end this
		stop()
	}
	return undisturbed, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.wake = nil
		stop()
	}
}

// Fetched is what one poll read of one topic's partition.
type Fetched struct {
	Topic     string
	Partition int32
	Records   []*Record
}

// Poll waits for records, at most max and at most until ctx ends or the group gives or takes partitions; then it returns none.
func (s *Session) Poll(ctx context.Context, max int) ([]Fetched, error) {
	poll, cancel := s.UntilNews(ctx)
	fetches := s.session.PollRecords(poll, max)
	cancel()

	var out []Fetched
	var faults []error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil && !IsTimeout(p.Err) {
			faults = append(faults, fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, p.Err))
		}
		if len(p.Records) > 0 {
			out = append(out, Fetched{p.Topic, p.Partition, p.Records})
		}
	})
	if err := errors.Join(faults...); err != nil {
		return nil, fmt.Errorf("kafka: reading: %w", err)
	}
	return out, nil
}

// Recycle gives the memory of polled records back, for the next poll: not of what their keys and values point to, which
// stays good as long as somebody has it. The records themselves are not to be looked at any more.
func (s *Session) Recycle(fetched []Fetched) {
	for _, f := range fetched {
		for _, r := range f.Records {
			r.Recycle()
		}
	}
}

// recordPool lends the client the memory of polled records.
type recordPool struct{ pool sync.Pool }

// GetRecords returns an empty list with room for n records.
func (p *recordPool) GetRecords(n int) []Record {
	if lent, ok := p.pool.Get().(*[]Record); ok && cap(*lent) >= n {
		return (*lent)[:0]
	}
	return make([]Record, 0, n)
}

// PutRecords takes a list back.
func (p *recordPool) PutRecords(records []Record) { p.pool.Put(&records) }

// Position is the next offset to read of a topic's partition.
type Position struct {
	Topic     string
	Partition int32
	Next      int64
}

// Commit writes records and the session's place in one transaction, see [Tx].
func (s *Session) Commit(ctx context.Context, records []*Record, positions []Position) (committed bool, err error) {
	t, err := s.Begin(ctx)
	if err != nil {
		return false, err
	}
	t.Write(records)
	return t.Commit(positions)
}

// AllowRebalance lets the group take and give partitions until the next Poll returns records.
func (s *Session) AllowRebalance() { s.session.AllowRebalance() }

// Rejoin has this session join its group again, and tell what has changed in its Steering. It returns at once, and may be
// called from any goroutine.
func (s *Session) Rejoin() { s.session.Client().ForceRebalance() }
