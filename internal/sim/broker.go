package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/embedded"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// broker is a fake cluster on a virtual network, with the topics of the bank.
type broker struct {
	network    kfake.VirtualNetwork
	kafka      *embedded.Kafka
	clean      kafka.Config // a way to it that nothing disturbs
	partitions int32
	topics     map[string]kafka.TopicInfo
}

const brokerPort = 9092

// Topics of the bank.
const (
	commandsTopic    = contextName + kafka.CommandsSuffix
	dispatchTopic    = contextName + kafka.DispatchSuffix
	eventsTopic      = contextName + kafka.EventsSuffix
	snapshotsTopic   = contextName + kafka.SnapshotsSuffix
	refusalsTopic    = contextName + kafka.RefusalsSuffix
	deadLettersTopic = contextName + kafka.DeadLettersSuffix
)

func allTopics() []string {
	return []string{commandsTopic, dispatchTopic, eventsTopic, refusalsTopic, deadLettersTopic, snapshotsTopic}
}

func startBroker(ctx context.Context, partitions int32) (*broker, error) {
	b := &broker{partitions: partitions}
	var err error
	if b.kafka, err = embedded.StartKafka(embedded.KafkaOptions{ListenFn: b.network.Listen, Port: brokerPort}); err != nil {
		return nil, err
	}
	b.clean = kafka.Config{Brokers: []string{b.kafka.Addr()}, Dialer: b.network.DialContext}
	if err = kafka.EnsureTopics(ctx, b.clean, []string{contextName}, partitions, kafka.Replication{Factor: 1}); err == nil {
		b.topics, err = kafka.DescribeTopics(ctx, b.clean, allTopics()...)
	}
	if err != nil {
		return nil, errors.Join(err, b.kafka.Close())
	}
	return b, nil
}

// channels are the names and incarnations of the topics that commands come from.
func (b *broker) channels() [2]engine.Topic {
	return [2]engine.Topic{
		engine.Commands: {Name: commandsTopic, ID: es.ID(b.topics[commandsTopic].ID)},
		engine.Dispatch: {Name: dispatchTopic, ID: es.ID(b.topics[dispatchTopic].ID)},
	}
}

// logs reads everything that is committed.
func (b *broker) logs(ctx context.Context) ([]*partitionLog, error) {
	out := make([]*partitionLog, b.partitions)
	for n := range out {
		out[n] = &partitionLog{}
	}
	var spans []kafka.Span
	for _, topic := range allTopics() {
		for _, p := range b.kafka.Cluster().PartitionInfos(topic) {
			spans = append(spans, kafka.Span{Topic: topic, Partition: p.Partition, From: p.LogStartOffset, Until: p.LastStableOffset})
			switch log := out[p.Partition]; topic {
			case eventsTopic:
				log.eventsEnd = p.LastStableOffset
			case refusalsTopic:
				log.refusalsEnd = p.LastStableOffset
			}
		}
	}
	err := kafka.Replay(ctx, b.clean, spans, func(s kafka.Span, records []*kafka.Record, _ int64) error {
		list := out[s.Partition].list(s.Topic)
		for _, r := range records {
			*list = append(*list, record{offset: r.Offset, key: r.Key, value: r.Value, headers: headers(r)})
		}
		return nil
	})
	return out, err
}

func (p *partitionLog) list(topic string) *[]record {
	switch topic {
	case commandsTopic:
		return &p.inputs[engine.Commands]
	case dispatchTopic:
		return &p.inputs[engine.Dispatch]
	case eventsTopic:
		return &p.events
	case refusalsTopic:
		return &p.refusals
	case snapshotsTopic:
		return &p.snapshots
	}
	return &p.deadLetters
}

func headers(r *kafka.Record) (out []engine.Header) {
	for _, h := range r.Headers {
		out = append(out, engine.Header{Key: h.Key, Value: h.Value})
	}
	return out
}

// undecided says what the group has not decided yet of what lies in the logs, or that a transaction is still open; ""
// means that nothing is left to do.
func (b *broker) undecided(logs []*partitionLog) string {
	group := b.kafka.Cluster().GroupInfo(aggregator.Group(contextName))
	if group == nil {
		return "there is no group yet"
	}
	for _, topic := range allTopics() {
		for _, p := range b.kafka.Cluster().PartitionInfos(topic) {
			if p.LastStableOffset < p.HighWatermark {
				return fmt.Sprintf("%s/%d: a transaction is open, stable up to %d of %d", topic, p.Partition, p.LastStableOffset, p.HighWatermark)
			}
		}
	}
	for n, log := range logs {
		for c, topic := range b.channels() {
			records := log.inputs[c]
			if len(records) == 0 {
				continue
			}
			last := records[len(records)-1].offset
			if at, ok := group.Commits[topic.Name][int32(n)]; !ok || at.Offset <= last {
				return fmt.Sprintf("%s/%d: decided up to %d of %d", topic.Name, n, at.Offset, last+1)
			}
		}
	}
	return ""
}

// rebalances reports whether the group waits for its members to join.
func (b *broker) rebalances() bool {
	group := b.kafka.Cluster().GroupInfo(aggregator.Group(contextName))
	return group != nil && group.State == "PreparingRebalance"
}

// expel removes from the group whoever owns a partition, without a word.
func (b *broker) expel(ctx context.Context, n int32) error {
	group := b.kafka.Cluster().GroupInfo(aggregator.Group(contextName))
	for _, m := range group.Members {
		if slices.Contains(m.Assignment[commandsTopic], n) {
			return b.administer(func(admin *kadm.Client) error {
				_, err := admin.LeaveGroup(ctx, kadm.LeaveGroup(aggregator.Group(contextName)).InstanceIDs(*m.InstanceID))
				return err
			})
		}
	}
	return fmt.Errorf("nobody owns partition %d", n)
}

// expire forgets the group's offsets of a partition.
func (b *broker) expire(ctx context.Context, n int32) error {
	return b.administer(func(admin *kadm.Client) error {
		var gone kadm.TopicsSet
		for _, t := range b.channels() {
			gone.Add(t.Name, n)
		}
		done, err := admin.DeleteOffsets(ctx, aggregator.Group(contextName), gone)
		return errors.Join(err, done.Error())
	})
}

func (b *broker) administer(do func(*kadm.Client) error) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(b.clean.Brokers...), kgo.Dialer(b.clean.Dialer))
	if err != nil {
		return err
	}
	defer cl.Close()
	return do(kadm.NewClient(cl))
}
