package kafka

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// journal is a log that is read while others write it.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// guardWorld is a broker on which a transaction of a session's can be made to hang in partition 1 of the ledger: it is
// listed there until somebody writes its marker, and its coordinator is done with it.
type guardWorld struct {
	t       *testing.T
	cluster *kfake.Cluster
	cfg     SessionConfig
	log     journal
	marking func() // what a marker waits for, if anything: set before there can be one

	mu      sync.Mutex
	hangs   bool
	refused *kerr.Error // what the leaders answer instead
	conns   []net.Conn
	told    []string // markers, and records that came before them
}

func newGuardWorld(t *testing.T, history ...kmsg.TxnMetadataValue) *guardWorld {
	t.Helper()
	w := &guardWorld{t: t}
	var err error
	w.cluster, err = kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second),
		kfake.SeedTopics(2, sessionTopic, ledger), kfake.SeedTopics(1, coordinatorTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.cluster.Close)
	w.cfg = SessionConfig{
		Config: Config{Brokers: w.cluster.ListenAddrs(), Dialer: w.dial, Log: slog.New(slog.NewTextHandler(&w.log, nil))},
		Group:  "g", InstanceID: "s0", TransactionalID: "s0", Inputs: []string{sessionTopic}, SessionTimeout: 5 * time.Second,
	}
	cl := replayClient(t, w.cfg.Config)
	for _, h := range history {
		h.ProducerID = w.producer() // the session's own: an ID keeps its producer
		r := &Record{Topic: coordinatorTopic, Key: (&kmsg.TxnMetadataKey{TransactionalID: "s0"}).AppendTo(nil), Value: h.AppendTo(nil)}
		if err := cl.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	w.watch()
	return w
}

func (w *guardWorld) producer() int64 {
	w.t.Helper()
	cl, err := kgo.NewClient(append(w.cfg.options(), kgo.TransactionalID("s0"))...)
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	id, _, err := cl.ProducerID(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *guardWorld) dial(ctx context.Context, network, host string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, host)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns = append(w.conns, conn)
	return conn, err
}

// cut ends every connection there is, as a broker's death does.
func (w *guardWorld) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close() // some are closed already
	}
	w.conns = nil
}

// set has a transaction hang, or the leaders refuse to tell.
func (w *guardWorld) set(hangs bool, refused *kerr.Error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangs, w.refused = hangs, refused
}

func (w *guardWorld) seen() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.told)
}

// watch answers for partition 1 of the ledger.
func (w *guardWorld) watch() {
	id := w.producer()
	w.cluster.ControlKey(int16(kmsg.DescribeProducers), func(k kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.hangs && w.refused == nil {
			return nil, nil, false
		}
		return w.producers(k.(*kmsg.DescribeProducersRequest), id), nil, true
	})
	w.cluster.ControlKey(int16(kmsg.DescribeTransactions), func(k kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.hangs {
			return nil, nil, false
		}
		resp := k.ResponseKind().(*kmsg.DescribeTransactionsResponse)
		s := kmsg.NewDescribeTransactionsResponseTransactionState()
		s.TransactionalID, s.State, s.ProducerID = "s0", "CompleteAbort", id
		resp.TransactionStates = append(resp.TransactionStates, s)
		return resp, nil, true
	})
	w.cluster.ControlKey(int16(kmsg.WriteTxnMarkers), func(k kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		if w.marking != nil {
			w.cluster.SleepControl(w.marking)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		outcome := map[bool]string{true: "commit", false: "abort"}[k.(*kmsg.WriteTxnMarkersRequest).Markers[0].Committed]
		w.hangs, w.told = false, append(w.told, outcome)
		return nil, nil, false
	})
	w.cluster.ControlKey(int16(kmsg.Produce), func(k kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.hangs {
			w.told = append(w.told, "records")
		}
		return nil, nil, false
	})
}

func (w *guardWorld) producers(req *kmsg.DescribeProducersRequest, id int64) kmsg.Response {
	resp := req.ResponseKind().(*kmsg.DescribeProducersResponse)
	for _, rt := range req.Topics {
		topic := kmsg.NewDescribeProducersResponseTopic()
		topic.Topic = rt.Topic
		for _, p := range rt.Partitions {
			part := kmsg.NewDescribeProducersResponseTopicPartition()
			part.Partition = p
			if w.refused != nil {
				part.ErrorCode = w.refused.Code
			} else if rt.Topic == ledger && p == 1 {
				active := kmsg.NewDescribeProducersResponseTopicPartitionActiveProducer()
				active.ProducerID, active.ProducerEpoch, active.LastTimestamp, active.CurrentTxnStartOffset = id, 5, time.Now().UnixMilli(), 0
				part.ActiveProducers = append(part.ActiveProducers, active)
			}
			topic.Partitions = append(topic.Partitions, part)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

func (w *guardWorld) open() (*Session, error) {
	s, err := OpenSession(w.t.Context(), w.cfg)
	if err == nil {
		w.t.Cleanup(s.Close)
	}
	return s, err
}

// hung is what a coordinator has written down of epoch 5, and how it decided.
func hung(decided kmsg.TransactionState) []kmsg.TxnMetadataValue {
	return []kmsg.TxnMetadataValue{told(kmsg.TransactionStateOngoing, 5, versionDistinct, 1), told(decided, 6, versionDistinct)}
}

func TestWhatAPredecessorLeftHangingIsEndedAsItWasDecided(t *testing.T) {
	t.Parallel()
	for outcome, decided := range map[string]kmsg.TransactionState{
		"commit": kmsg.TransactionStateCompleteCommit, "abort": kmsg.TransactionStateCompleteAbort,
	} {
		t.Run(outcome, func(t *testing.T) {
			t.Parallel()
			w := newGuardWorld(t, hung(decided)...)
			w.set(true, nil)
			if _, err := w.open(); err != nil {
				t.Fatal(err)
			}
			if got := w.seen(); !slices.Equal(got, []string{outcome}) {
				t.Errorf("%q, want one marker: %s", got, outcome)
			}
			if !strings.Contains(w.log.String(), "coordinator had forgotten") {
				t.Errorf("nobody is told: %s", w.log.String())
			}
		})
	}
}

// Nobody knows how it was decided: neither marker may be written, nor anything behind it.
func TestASessionDoesNotStartBehindWhatItCanNotEnd(t *testing.T) {
	t.Parallel()
	w := newGuardWorld(t)
	w.set(true, nil)
	_, err := w.open()
	if !errors.Is(err, errHangs) || !errors.Is(err, ErrDecisionUnknown) || !strings.Contains(err.Error(), "aggregator transactions") {
		t.Errorf("it started: %v", err)
	}
	if got := w.seen(); len(got) > 0 {
		t.Errorf("%q was written", got)
	}
}

func TestWhoMayNotLookIsToldSoAndStarts(t *testing.T) {
	t.Parallel()
	w := newGuardWorld(t)
	w.set(false, kerr.TopicAuthorizationFailed)
	if _, err := w.open(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(w.log.String(), "may not see") {
		t.Errorf("nobody is told: %s", w.log.String())
	}
}

// cutOff has a session's connections die, and what it last aborted hang; then it commits a transaction. It returns what
// was written, in order.
func cutOff(t *testing.T, guarded bool) []string {
	t.Helper()
	w := newGuardWorld(t, hung(kmsg.TransactionStateCompleteAbort)...)
	s, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	s.guard.armed.Store(guarded)
	awaitAssigned(t, s, 2)
	w.set(true, nil)
	w.cut()
	cl := s.session.Client()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := cl.ProduceSync(t.Context(), &Record{Topic: ledger, Partition: 1, Value: []byte("the next")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return w.seen()
}

func TestNothingIsWrittenBehindWhatHangs(t *testing.T) {
	t.Parallel()
	if got := cutOff(t, true); !slices.Equal(got, []string{"abort"}) {
		t.Errorf("%q, want what hangs ended, and only then records", got)
	}
}

func TestWithoutTheGuardItIs(t *testing.T) {
	t.Parallel()
	if got := cutOff(t, false); !slices.Contains(got, "records") {
		t.Errorf("%q: nothing was written behind it, so the test above shows nothing", got)
	}
}

// meeting has who calls it wait until so many have, or for three seconds: the others may have to wait for the first.
func meeting(many int32) func() {
	var came atomic.Int32
	all := make(chan struct{})
	return func() {
		if came.Add(1) == many {
			close(all)
		}
		select {
		case <-all:
		case <-time.After(3 * time.Second):
		}
	}
}

// lookedTwice has two connections see one transaction hang before either has ended it, and returns how often it was ended.
func lookedTwice(t *testing.T, look func(*guard, context.Context, *kadm.Client) (bool, error)) []string {
	t.Helper()
	w := newGuardWorld(t, hung(kmsg.TransactionStateCompleteAbort)...)
	g := &guard{cfg: w.cfg, topics: []string{ledger}}
	g.arm(w.producer())
	w.marking = meeting(2)
	w.set(true, nil)
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			err := administer(w.cfg.Config, func(admin *kadm.Client) error {
				_, err := look(g, t.Context(), admin)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	return w.seen()
}

func TestConnectionsLookOneAfterAnother(t *testing.T) {
	t.Parallel()
	if got := lookedTwice(t, (*guard).lookAlone); !slices.Equal(got, []string{"abort"}) {
		t.Errorf("%q, want one marker", got)
	}
}

func TestAllAtOnceTheyEndItTwice(t *testing.T) {
	t.Parallel()
	if got := lookedTwice(t, (*guard).look); !slices.Equal(got, []string{"abort", "abort"}) {
		t.Errorf("%q: it was not ended twice, so the test above shows nothing", got)
	}
}

// What a session has begun itself is no obstacle to the connections that it needs for its end.
func TestATransactionOutlivesItsConnections(t *testing.T) {
	t.Parallel()
	w := newGuardWorld(t)
	s, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	awaitAssigned(t, s, 2)
	tx, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx.Write([]*Record{{Topic: ledger, Partition: 1, Value: []byte("begun before")}})
	if err := s.session.Client().Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.cut()
	if committed, err := tx.Commit([]Position{{sessionTopic, 0, 1}}); !committed || err != nil {
		t.Errorf("committed %v, %v", committed, err)
	}
	if got := w.seen(); len(got) > 0 {
		t.Errorf("%q: nothing hung", got)
	}
}

// A broker that has just started may have markers to write: nothing is written before they are.
func TestASessionWaitsForWhatIsBeingEnded(t *testing.T) {
	t.Parallel()
	cluster, cfg := transactionBroker(t)
	predecessor := beginTransaction(t, cfg, "s0", 0)
	id, _, err := predecessor.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	coordinatorSays(cluster, "PrepareAbort", 0, theLedger(0))
	g := &guard{cfg: SessionConfig{Config: cfg, Group: "g", TransactionalID: "s0"}, topics: []string{ledger}}
	g.arm(id)
	ctx, cancel := context.WithTimeout(t.Context(), 5*guardPoll)
	defer cancel()
	if err := g.settle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("it did not wait: %v", err)
	}
	if err := predecessor.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
	if err := g.settle(t.Context()); err != nil {
		t.Errorf("all is ended: %v", err)
	}
}
