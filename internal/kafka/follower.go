package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Follower reads the committed records of partitions as they come, for as long as it is wanted, with one client for all
// of them. It belongs to no group and to one goroutine.
type Follower struct {
	cl    *kgo.Client
	spans map[topicPartition]Span
}

const (
	followFetchWait = 250 * time.Millisecond
	// followFetchBytes and followPartitionBytes bound what waits in memory to be folded.
	followFetchBytes     = 16 << 20
	followPartitionBytes = 2 << 20
)

// NewFollower returns one that follows nothing yet.
func NewFollower(cfg Config) (*Follower, error) {
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(followFetchWait),
		kgo.FetchMaxBytes(followFetchBytes),
		kgo.FetchMaxPartitionBytes(followPartitionBytes),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: a follower: %w", err)
	}
	return &Follower{cl: cl, spans: map[topicPartition]Span{}}, nil
}

// Follow reads a partition from an offset on.
func (f *Follower) Follow(topic string, partition int32, from int64) {
	f.spans[topicPartition{topic, partition}] = Span{Topic: topic, Partition: partition, From: from}
	f.cl.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(from)}})
}

// Forget stops reading a partition: nothing of it is delivered any more.
func (f *Follower) Forget(topic string, partition int32) {
	delete(f.spans, topicPartition{topic, partition})
	f.cl.RemoveConsumePartitions(map[string][]int32{topic: {partition}})
}

// Poll waits until ctx ends for records, at most max, and hands them to deliver as Replay does: a span's From is where
// the records begin, its Until the last stable offset, next the offset after the records. Control records count and are not delivered. A partition that cannot be
// read is handed to failed; it is for that to forget it.
func (f *Follower) Poll(ctx context.Context, max int, deliver func(span Span, records []*Record, next int64), failed func(span Span, err error)) {
	fetches := f.cl.PollRecords(ctx, max)
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		span, ok := f.spans[topicPartition{p.Topic, p.Partition}]
		switch {
		case !ok:
			return
		case p.Err != nil:
			if !IsTimeout(p.Err) && !errors.Is(p.Err, kgo.ErrClientClosed) {
				failed(span, fmt.Errorf("kafka: following %s/%d: %w", p.Topic, p.Partition, p.Err))
			}
			return
		case len(p.Records) == 0:
			return
		}
		data := make([]*Record, 0, len(p.Records))
		for _, r := range p.Records {
			if !r.Attrs.IsControl() {
				data = append(data, r)
			}
		}
		next := p.Records[len(p.Records)-1].Offset + 1
		f.spans[topicPartition{p.Topic, p.Partition}] = Span{Topic: p.Topic, Partition: p.Partition, From: next}
		span.Until = p.LastStableOffset
		deliver(span, data, next)
	})
}

// Close ends the reading.
func (f *Follower) Close() { f.cl.Close() }
