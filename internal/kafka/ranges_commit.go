package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitTimeout bounds one commit, beyond the time the library holds it back while the group rebalances. Afterwards its
// outcome is unknown and the member joins again.
const commitTimeout = 10 * time.Second

// committer puts the commits that pipelines ask for at the same time into one request: with many partitions it is the
// round trip that costs, not the offset.
//
// A commit is made as the member that the partitions were given to, or not at all. The client holds commits back while it
// joins, and sends them as whoever it is then; and where the group has dropped it meanwhile, it joins as another member
// without a callback:
//
//	A: has 0, joins for a rebalance; its next commit for 0 is held back; sleeps past its session timeout
//	                                       B: is given 0, carries out ranges of it, and commits them
//	A: wakes, joins again as A2, may get 0 back; the commit is sent: the group stands before what B has done
type committer struct {
	cl    *kgo.Client
	topic string
	limit time.Duration
	// trusting commits as whoever the client is by now: a guard's negative control.
	trusting bool
	queue    chan offsetCommit
	turn     chan struct{}
}

type offsetCommit struct {
	member    string // that the partition was given to
	partition int32
	offset    int64
	metadata  string
	done      chan error
}

// committerQueue is above any number of partitions a member is given; a fuller queue only waits.
const committerQueue = 1024

func newCommitter(cl *kgo.Client, cfg RangeConfig) committer {
	return committer{
		cl: cl, topic: cfg.Topic, limit: cfg.RebalanceTimeout + commitTimeout, trusting: cfg.Without&GuardMember != 0,
		queue: make(chan offsetCommit, committerQueue), turn: make(chan struct{}, 1),
	}
}

// commit returns when the group holds offset with metadata for a partition that was given to member. After an error it
// may or may not hold them.
func (c committer) commit(ctx context.Context, member string, partition int32, offset int64, metadata string) error {
	mine := offsetCommit{member, partition, offset, metadata, make(chan error, 1)}
	c.queue <- mine
	for {
		select {
		case err := <-mine.done:
			return err
		case c.turn <- struct{}{}: // whoever has the turn commits for all who wait
			c.commitAll(ctx)
			<-c.turn
		}
	}
}

func (c committer) commitAll(ctx context.Context) {
	asked := map[int32]offsetCommit{}
	for {
		select {
		case a := <-c.queue:
			asked[a.partition] = a
			continue
		default:
		}
		break
	}
	if len(asked) == 0 {
		return
	}
	for p, err := range c.send(ctx, asked) {
		asked[p].done <- err
	}
}

// send commits and returns the outcome for each partition.
func (c committer) send(ctx context.Context, asked map[int32]offsetCommit) map[int32]error {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	offsets := map[int32]kgo.EpochOffset{}
	out := map[int32]error{}
	for p, a := range asked {
		offsets[p] = kgo.EpochOffset{Epoch: -1, Offset: a.offset}
		out[p] = fmt.Errorf("kafka: the broker did not answer the commit for %s/%d", c.topic, p)
	}
	withMetadata := kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for _, a := range asked {
			if a.member != req.MemberID && !c.trusting {
				return errAnotherMember
			}
		}
		for i := range req.Topics {
			for j := range req.Topics[i].Partitions {
				a := asked[req.Topics[i].Partitions[j].Partition]
				req.Topics[i].Partitions[j].Metadata = &a.metadata
			}
		}
		return nil
	})
	c.cl.CommitOffsetsSync(withMetadata, map[string]map[int32]kgo.EpochOffset{c.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				for p := range out {
					out[p] = err
				}
				return
			}
			for _, t := range resp.Topics {
				for _, p := range t.Partitions {
					out[p.Partition] = kerr.ErrorForCode(p.ErrorCode)
				}
			}
		})
	return out
}
