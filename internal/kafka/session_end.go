package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	// closePatience is how long a session that keeps its place waits for a join under way.
	closePatience = 5 * time.Second
	// leaveAttempts bounds how often a member that leaves asks whether it has left.
	leaveAttempts = 5
)

// Close ends the session and keeps its place in the group, for a restart. A join under way is waited for, not for long:
// it ends when all members have joined, and one of them may be dead.
func (s *Session) Close() {
	s.session.AllowRebalance()
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	// It fails if the group can't be told that this member gave something up. Then a restart rejoins, and tells it.
	_ = s.session.Client().LeaveGroupContext(ctx)
	s.cut()
	s.session.Close()
	// Closing waits for polls to be over once more, on a goroutine that nobody waits for. Now and then the client still
	// counts one, after a transaction that ran out of time, and that goroutine would stay for ever.
	s.session.AllowRebalance()
}

// Leave ends the session and gives its partitions up at once, instead of after the session's timeout.
//
// The client is cut off first. Asked to close in the middle of a join, it waits for that to end, as it would let a last
// commit through; but a join ends when every member has come, and several may be leaving, or one be dead:
//
//	A: heard of a rebalance, has joined, is told to stop; its client waits for B
//	B: is told to stop too; its client closes without leaving, for it is a static member
//	A: waits for B's place to be given up, or for the rebalance's timeout
//
// Cut off, the client has nothing to wait for, and the group is told for it. Its last join may still be on its way to the
// broker then, and would make it a member again: so it leaves until the group says that it does not know it.
func (s *Session) Leave(ctx context.Context) error {
	s.cut()
	s.session.CloseAllowingRebalance()
	err := administer(s.cfg.Config, func(admin *kadm.Client) error {
		for range leaveAttempts {
			left, err := admin.LeaveGroup(ctx, kadm.LeaveGroup(s.cfg.Group).InstanceIDs(s.cfg.InstanceID).Reason("drained"))
			if err == nil {
				err = left.Error()
			}
			switch {
			case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.GroupIDNotFound):
				return nil
			case err != nil:
				return err
			}
		}
		return errors.New("it is a member again each time it has left: another process runs under its name")
	})
	if err != nil {
		return fmt.Errorf("leaving group %s as %s: %w", s.cfg.Group, s.cfg.InstanceID, err)
	}
	return nil
}
