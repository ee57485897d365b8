package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fetchAtBytes is how much one look at a log reads.
const fetchAtBytes = 1 << 20

// fetchAt looks at what a partition's log holds at an offset, with read_committed and control records, and returns the
// offset after what was looked at, be it records or holes. next == offset says that there is nothing up to the last
// stable offset.
//
// A consumer never tells this: where compaction has removed the last records of a log, it waits for one that does not exist.
func fetchAt(ctx context.Context, cl *kgo.Client, topicName string, partition int32, offset int64) (got kgo.FetchPartition, next int64, err error) {
	topics, err := kadm.NewClient(cl).ListTopics(ctx, topicName)
	if err != nil {
		return got, 0, err
	}
	return fetchFrom(ctx, cl, topics[topicName], partition, offset, fetchAtBytes)
}

// fetchFrom is fetchAt of a topic that is known, and reads at most so many bytes, but one batch in any case.
func fetchFrom(ctx context.Context, cl *kgo.Client, topic kadm.TopicDetail, partition int32, offset int64, bytes int32) (got kgo.FetchPartition, next int64, err error) {
	if err := errors.Join(topic.Err, topic.Partitions[partition].Err); err != nil {
		return got, 0, err
	}
	leader := lasting{cl.Broker(int(topic.Partitions[partition].Leader))}
	resp, err := fetchRequest(topic, partition, offset, bytes).RequestWith(ctx, leader)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return got, 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return got, 0, errors.New("the broker answered for other partitions")
	}
	got, next = kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true, Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: topic.Topic, Partition: partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	return got, next, got.Err
}

// lasting asks a broker once more where the connection dies that it was asked by. The library repeats by itself what it is
// left to choose a broker for, and nothing that one broker is asked: its metadata alone, newly learned, can end a connection.
type lasting struct{ *kgo.Broker }

// Request asks until there is an answer, or the client's retries are used up.
func (l lasting) Request(ctx context.Context, req kmsg.Request) (kmsg.Response, error) {
	return l.RetriableRequest(ctx, req)
}

func fetchRequest(topic kadm.TopicDetail, partition int32, offset int64, bytes int32) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 0, fetchAtBytes, 1, -1
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, bytes
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.TopicID = topic.Topic, topic.ID
	t.Partitions = append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	return req
}
