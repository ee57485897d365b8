package kafka

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

const (
	sessionPartitions = 6
	sessionTopic      = "x.commands"
)

// polling is a session whose loop never looks at what the group does: as if it were busy with something long.
type polling struct {
	s    *Session
	done chan struct{}
	stop context.CancelFunc
}

func startPolling(t *testing.T, cfg Config, name string) *polling {
	t.Helper()
	s, err := OpenSession(t.Context(), SessionConfig{
		Config: cfg, Group: "g", InstanceID: name, TransactionalID: name, Inputs: []string{sessionTopic}, SessionTimeout: 2 * time.Second,
	})
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
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(sessionPartitions, sessionTopic), kfake.GroupMinSessionTimeout(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cfg := Config{Brokers: cluster.ListenAddrs()}
	first := startPolling(t, cfg, "s0")
	for others := range 3 {
		awaitShares(t, cluster, others+1)
		if others < 2 {
			startPolling(t, cfg, fmt.Sprint("s", others+1))
		}
	}
	gained, lost, _ := first.s.Changes()
	slices.Sort(lost)
	t.Logf("gained %v, lost %v", gained, lost)
	if len(lost) != sessionPartitions*2/3 {
		t.Errorf("of %d partitions two thirds went to others, and the session heard of %v", sessionPartitions, lost)
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
