package kafka

import (
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// probePause is how long a declared range may stay without its end before the log is looked at, and between looks.
const probePause = 500 * time.Millisecond

// passes says whether the log goes on past the declared range without another record in it. The consumer itself never
// tells: where compaction has removed the last records of the log, it waits for one that does not exist.
func (p *partitionRun) passes() (bool, error) {
	at := p.position
	if n := len(p.pending); n > 0 {
		at = p.pending[n-1].Offset + 1
	}
	for at <= p.declared.Last {
		got, next, err := p.fetch(at)
		switch {
		case err != nil:
			return false, err
		case len(got.Records) > 0 && got.Records[0].Offset <= p.declared.Last:
			return false, nil // it exists, and will come
		case got.LastStableOffset <= p.declared.Last:
			return false, fmt.Errorf("kafka: group %s declared the range %s, but the log ends at %d: the topic was truncated or made "+
				"again; rebuild the view", p.s.c.cfg.Group, p.declared, got.LastStableOffset)
		case next == at:
			return true, nil // nothing at all up to the last stable offset
		}
		at = next
	}
	return true, nil
}

// fetch reads what the log holds at an offset, and the offset after what was read, be it records or not.
func (p *partitionRun) fetch(offset int64) (kgo.FetchPartition, int64, error) {
	cfg := p.s.c.cfg
	failed := func(err error) (kgo.FetchPartition, int64, error) {
		return kgo.FetchPartition{}, 0, Rejoin(fmt.Errorf("kafka: looking for the end of a declared range: %w", err))
	}
	topics, err := p.s.admin.ListTopics(p.ctx, cfg.Topic)
	if err != nil {
		return failed(err)
	}
	topic := topics[cfg.Topic]
	if err := errors.Join(topic.Err, topic.Partitions[p.partition].Err); err != nil {
		return failed(err)
	}
	req := kmsg.NewPtrFetchRequest()
	req.MinBytes, req.MaxBytes, req.IsolationLevel, req.SessionEpoch = 0, rangeFetchBytes, 1, -1
	reqPartition := kmsg.NewFetchRequestTopicPartition()
	reqPartition.Partition, reqPartition.FetchOffset, reqPartition.PartitionMaxBytes = p.partition, offset, rangeFetchBytes
	reqTopic := kmsg.NewFetchRequestTopic()
	reqTopic.Topic, reqTopic.TopicID = cfg.Topic, topic.ID
	reqTopic.Partitions = append(reqTopic.Partitions, reqPartition)
	req.Topics = append(req.Topics, reqTopic)
	resp, err := req.RequestWith(p.ctx, p.s.cl.Broker(int(topic.Partitions[p.partition].Leader)))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return failed(err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return failed(errors.New("the broker answered for other partitions"))
	}
	got, next := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		KeepControlRecords: true, Offset: offset, IsolationLevel: kgo.ReadCommitted(), Topic: cfg.Topic, Partition: p.partition,
	}, &resp.Topics[0].Partitions[0], kgo.DefaultDecompressor(), nil)
	if got.Err != nil {
		return failed(got.Err)
	}
	return got, next, nil
}
