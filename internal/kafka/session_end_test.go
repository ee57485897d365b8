package kafka

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// joinAndSleep makes a static member that never says a word again: whoever joins after it waits for its timeout.
func joinAndSleep(t *testing.T, cfg Config, name string) {
	t.Helper()
	cl := replayClient(t, cfg)
	protocol := kmsg.NewJoinGroupRequestProtocol()
	protocol.Name, protocol.Metadata = assignorName, assignor{}.JoinGroupMetadata([]string{sessionTopic}, nil, -1)
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.InstanceID, join.ProtocolType = "g", &name, "consumer"
	join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = 300_000, 300_000
	join.Protocols = append(join.Protocols, protocol)
	joined, err := join.RequestWith(t.Context(), cl)
	if err == nil {
		err = kerr.ErrorForCode(joined.ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
	sync := kmsg.NewPtrSyncGroupRequest()
	sync.Group, sync.MemberID, sync.InstanceID, sync.Generation = "g", joined.MemberID, &name, joined.Generation
	assignment := kmsg.NewSyncGroupRequestGroupAssignment()
	assignment.MemberID = joined.MemberID
	sync.GroupAssignment = append(sync.GroupAssignment, assignment)
	synced, err := sync.RequestWith(t.Context(), cl)
	if err == nil {
		err = kerr.ErrorForCode(synced.ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A member that is told to stop while it waits for another to join leaves at once: the other may be dead.
func TestAMemberLeavesInTheMiddleOfARebalance(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*Session) error{
		"leave": func(s *Session) error { return s.Leave(context.Background()) },
		"close": func(s *Session) error { s.Close(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster, cfg := sessionBroker(t)
			joinAndSleep(t, cfg, "sleeper")
			p := startPollingAs(t, SessionConfig{
				Config: cfg, Group: "g", InstanceID: "s0", TransactionalID: "s0", Inputs: []string{sessionTopic},
				TransactionTimeout: 2 * time.Minute, // a rebalance may take twice as long
			})
			joining := func(g *kfake.GroupInfo) bool { return g != nil && len(g.Members) == 2 }
			if _, err := cluster.WaitGroupInfo(t.Context(), "g", joining); err != nil {
				t.Fatal(err)
			}
			p.stop()
			<-p.done
			ended := make(chan error, 1)
			go func() { ended <- end(p.s) }()
			select {
			case err := <-ended:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(time.Minute):
				t.Fatal("it waits for the sleeper")
			}
			if name != "leave" {
				return
			}
			if _, err := cluster.WaitGroupInfo(t.Context(), "g", func(g *kfake.GroupInfo) bool { return len(g.Members) == 1 }); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestLeavingTwiceIsNoError(t *testing.T) {
	t.Parallel()
	_, cfg := sessionBroker(t)
	first := startPolling(t, cfg, "s0")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	first.stop()
	<-first.done
	if err := first.s.Leave(ctx); err != nil {
		t.Errorf("leaving: %v", err)
	}
	if err := first.s.Leave(ctx); err != nil {
		t.Errorf("one that has left leaves again: %v", err)
	}
}
