package kafka

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// sleeper is a static member that hears of a rebalance, joins, and sleeps until its group has dropped it.
type sleeper struct {
	asleep, wake chan struct{}
}

// putToSleep has it answer the member's next heartbeat with a rebalance, and its join with "unknown member" once it wakes.
func putToSleep(cluster *kfake.Cluster, instance string) sleeper {
	s := sleeper{make(chan struct{}), make(chan struct{})}
	cluster.ControlKey(int16(kmsg.JoinGroup), func(k kmsg.Request) (kmsg.Response, error, bool) {
		req := k.(*kmsg.JoinGroupRequest)
		if req.InstanceID == nil || *req.InstanceID != instance || req.MemberID == "" {
			return nil, nil, false
		}
		close(s.asleep)
		cluster.SleepControl(func() { <-s.wake })
		resp := req.ResponseKind().(*kmsg.JoinGroupResponse)
		resp.ErrorCode = kerr.UnknownMemberID.Code
		return resp, nil, true
	})
	cluster.ControlKey(int16(kmsg.Heartbeat), func(k kmsg.Request) (kmsg.Response, error, bool) {
		req := k.(*kmsg.HeartbeatRequest)
		if req.InstanceID == nil || *req.InstanceID != instance {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.HeartbeatResponse)
		resp.ErrorCode = kerr.RebalanceInProgress.Code
		return resp, nil, true
	})
	return s
}

// drop has a group forget a member.
func drop(t *testing.T, cfg Config, group, instance string) {
	t.Helper()
	err := administer(cfg, func(admin *kadm.Client) error {
		left, err := admin.LeaveGroup(t.Context(), kadm.LeaveGroup(group).InstanceIDs(instance))
		return errors.Join(err, left.Error())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sleptThroughARebalance has a member sleep while another carries out ranges of its partition and commits them; then it
// wakes, and gets the partition back.
func sleptThroughARebalance(t *testing.T, without RangeGuard) error {
	t.Helper()
	w := newRangesWorld(t, 1)
	cfg := w.config()
	cfg.Without = without
	one := w.start(cfg, &member{})
	w.produce(0, 20, true)
	eventually(t, "the first records are confirmed", func() bool { at, next := w.committed(0); return at > 20 && next == "gen=1" })

	s := putToSleep(w.cluster, "one")
	<-s.asleep
	drop(t, w.cfg, "group", "one")
	w.produce(0, 20, true) // the sleeper has fetched them, and its commit is held back
	two := w.start(w.dynamic(11), &member{})
	eventually(t, "the other has carried all out", func() bool { return w.complete("a", "b") })
	if err := two.end(t); err != nil {
		t.Fatal(err)
	}
	before, _ := w.committed(0)
	close(s.wake)
	w.produce(0, 20, true)
	eventually(t, "the rest is inserted", func() bool { return w.complete("a", "b") })
	after, _ := w.committed(0)
	if after < before {
		t.Logf("the group stands at %d, and stood at %d", after, before)
	}
	return errors.Join(one.end(t), w.exact("a", "b"))
}

func TestAMemberThatWasDroppedCommitsNothing(t *testing.T) {
	t.Parallel()
	if err := sleptThroughARebalance(t, 0); err != nil {
		t.Error(err)
	}
}

func TestWithoutTheGuardADroppedMemberGoesOn(t *testing.T) {
	t.Parallel()
	if err := sleptThroughARebalance(t, GuardMember); err == nil {
		t.Error("nothing was inserted twice")
	}
}

// TestASessionThatWasDroppedTakesOverAgain: what it began is not committed, and everything it owns is news.
func TestASessionThatWasDroppedTakesOverAgain(t *testing.T) {
	t.Parallel()
	cluster, cfg := sessionBroker(t)
	s, err := OpenSession(t.Context(), SessionConfig{
		Config: cfg, Group: "g", InstanceID: "s0", TransactionalID: "s0", Inputs: []string{sessionTopic}, SessionTimeout: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	awaitAssigned(t, s, sessionPartitions)
	tx, err := s.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx.Write([]*Record{{Topic: sessionTopic, Value: []byte("decided on what others have changed since")}})
	sleep := putToSleep(cluster, "s0")
	<-sleep.asleep
	member := s.member
	drop(t, cfg, "g", "s0")
	close(sleep.wake)
	eventually(t, "it has joined as another", func() bool {
		now, _ := s.session.Client().GroupMetadata()
		return now != "" && now != member
	})
	if committed, err := tx.Commit([]Position{{sessionTopic, 0, 1}}); committed || !errors.Is(err, errAnotherMember) {
		t.Errorf("committed %v, %v", committed, err)
	}
	gained, lost, news := s.Changes()
	if all := []int32{0, 1, 2, 3, 4, 5}; !news || !slices.Equal(slices.Sorted(slices.Values(gained)), all) || !slices.Equal(slices.Sorted(slices.Values(lost)), all) {
		t.Errorf("gained %v, lost %v, news %v", gained, lost, news)
	}
	if gained, lost, news := s.Changes(); news || len(gained)+len(lost) > 0 {
		t.Errorf("again: gained %v, lost %v", gained, lost)
	}
}
