package kafka

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	sessionPartitions = 6
	sessionTopic      = "x.commands"
)

func sessionBroker(t *testing.T) (*kfake.Cluster, Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(time.Second), kfake.SeedTopics(sessionPartitions, sessionTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, Config{Brokers: cluster.ListenAddrs()}
}

// polling is a session whose loop never looks at what the group does: as if it were busy with something long.
type polling struct {
	s    *Session
	done chan struct{}
	stop context.CancelFunc
}

func startPolling(t *testing.T, cfg Config, name string) *polling {
	t.Helper()
	return startPollingAs(t, SessionConfig{
		Config: cfg, Group: "g", InstanceID: name, TransactionalID: name, Inputs: []string{sessionTopic}, SessionTimeout: 2 * time.Second,
	})
}

func startPollingAs(t *testing.T, cfg SessionConfig) *polling {
	t.Helper()
	s, err := OpenSession(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	p := &polling{s: s, done: make(chan struct{}), stop: stop}
	go func() {
		defer close(p.done)
		for ctx.Err() == nil {
			if _, err := s.Poll(ctx, 1); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
			s.AllowRebalance()
			time.Sleep(time.Millisecond)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-p.done
		s.Close()
	})
	return p
}

// A session that is busy while the group takes from it twice must hear of both: the client keeps the second to itself
// until the transaction under way is ended.
func TestASecondRevokeIsHeardOfToo(t *testing.T) {
	t.Parallel()
	cluster, cfg := sessionBroker(t)
	first := startPolling(t, cfg, "s0")
	for others := range 3 {
		awaitShares(t, cluster, others+1)
		if others < 2 {
			startPolling(t, cfg, fmt.Sprint("s", others+1))
		}
	}
	_, lost, _ := first.s.Changes()
	if len(lost) != sessionPartitions*2/3 {
		t.Errorf("of %d partitions two thirds went to others, and the session heard of %v", sessionPartitions, lost)
	}
}

// awaitAssigned waits until a session has heard of all its partitions, of which none may be lost on the way.
func awaitAssigned(t *testing.T, s *Session, n int) {
	t.Helper()
	var gained, lost []int32
	eventually(t, "everything is assigned", func() bool {
		more, gone, _ := s.Changes()
		gained, lost = append(gained, more...), append(lost, gone...)
		return len(gained) == n
	})
	if len(lost) > 0 {
		t.Fatalf("lost %v", lost)
	}
}

// awaitShares waits until each of n members owns as many partitions.
func awaitShares(t *testing.T, cluster *kfake.Cluster, n int) {
	t.Helper()
	_, err := cluster.WaitGroupInfo(t.Context(), "g", func(g *kfake.GroupInfo) bool {
		if g == nil {
			return false
		}
		for _, m := range g.Members {
			if m.NumAssigned() != sessionPartitions/n {
				return false
			}
		}
		return len(g.Members) == n
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Of a partition whose first commit of all is still on its way, the takeover must not learn that there is none.
func TestATakeoverAwaitsTheFirstCommitOfAPartition(t *testing.T) {
	t.Parallel()
	_, cfg := sessionBroker(t)
	p := startPolling(t, cfg, "s0")
	predecessor := replayClient(t, cfg, kgo.TransactionalID("predecessor"))
	if err := predecessor.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	stageOffset(t, cfg, predecessor, 3, 42)
	got := make(chan Standing, 1)
	go func() {
		standings, err := p.s.Standings(t.Context(), []int32{3}, nil)
		if err != nil {
			t.Error(err)
		}
		got <- standings[3]
	}()
	select {
	case s := <-got:
		t.Fatalf("while the first commit was on its way, the takeover learned %+v", s)
	case <-time.After(20 * settlePoll):
	}
	if err := predecessor.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	if s := <-got; s.Inputs[sessionTopic].Committed != 42 {
		t.Errorf("after the first commit, the takeover learned %+v", s)
	}
}

// stageOffset adds a group's offset to cl's transaction, which has a record too, so that it ends like any other.
func stageOffset(t *testing.T, cfg Config, cl *kgo.Client, number int32, next int64) {
	t.Helper()
	if err := cl.ProduceSync(t.Context(), &kgo.Record{Topic: sessionTopic, Partition: 0, Value: []byte("x")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	id, epoch, err := cl.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sendOffset(t, cfg, cl, id, epoch, number, next)
}

// sendOffset adds a group's offset to a producer's transaction.
func sendOffset(t *testing.T, cfg Config, cl *kgo.Client, id int64, epoch int16, number int32, next int64) {
	t.Helper()
	topics, err := DescribeTopics(t.Context(), cfg, sessionTopic)
	if err != nil {
		t.Fatal(err)
	}
	partition := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	partition.Partition, partition.Offset = number, next
	topic := kmsg.NewTxnOffsetCommitRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = sessionTopic, topics[sessionTopic].ID, append(topic.Partitions, partition)
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch = "predecessor", "g", id, epoch
	req.Generation, req.Topics = -1, append(req.Topics, topic)
	resp, err := req.RequestWith(t.Context(), cl)
	if err != nil {
		t.Fatal(err)
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		t.Fatal(err)
	}
}
