package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Names of the topics that belong to no context.
const (
	RepliesTopic = "recount.replies"
	ControlTopic = "recount.control"
)

// Suffixes of a context's topics: "<ctx>" + suffix.
const (
	CommandsSuffix    = ".commands"
	DispatchSuffix    = ".dispatch"
	EventsSuffix      = ".events"
	RefusalsSuffix    = ".refusals"
	InboxSuffix       = ".inbox"
	SnapshotsSuffix   = ".snapshots"
	DeadLettersSuffix = ".dead-letters"

	// Those of a context's processes. They are apart from the aggregates' because every partition has one writer.
	ProcessesSuffix        = ".processes"
	ProcessRefusalsSuffix  = ".process-refusals"
	ProcessSnapshotsSuffix = ".process-snapshots"
)

// Replication says how safely topics are kept. The zero value asks the cluster for its default factor.
type Replication struct {
	Factor        int16 // 3 in production; 1 on a single broker
	MinInSync     int   // 2 in production
	DeleteCleanup bool  // events.cleanup=delete, for clusters with tiered storage, which refuses compacted topics
}

const (
	hourMillis = 60 * 60 * 1000
	dayMillis  = 24 * hourMillis
	// RecordBytesMax is the size of the largest batch the topics take.
	RecordBytesMax = 1 << 20

	// A restore that reads snapshots must find each of them: compaction leaves alone what is younger than the longest restore.
	snapshotLagMillis = 2 * hourMillis
	// A restore reads all of a snapshot partition, outdated ones too, and compaction takes closed segments only. So they
	// are small, and outdated ones may be a fifth of them.
	snapshotSegmentBytes = 64 << 20
	snapshotDirtyRatio   = "0.2"
)

type topicSpec struct {
	name       string
	partitions int32
	configs    map[string]string
}

func deleted(retentionMillis int64) map[string]string {
	return map[string]string{"cleanup.policy": "delete", "retention.ms": strconv.FormatInt(retentionMillis, 10)}
}

// contextTopics are the topics of a context. Events are kept for ever: each key occurs once, so compaction removes
// nothing but duplicates.
func contextTopics(context string, partitions int32, r Replication) []topicSpec {
	events := map[string]string{
		"cleanup.policy": "compact", "retention.ms": "-1", "retention.bytes": "-1",
		"min.compaction.lag.ms": strconv.Itoa(7 * dayMillis),
	}
	if r.DeleteCleanup {
		events = map[string]string{"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
	}
	snapshots := map[string]string{
		"cleanup.policy": "compact", "min.compaction.lag.ms": strconv.Itoa(snapshotLagMillis),
		"min.cleanable.dirty.ratio": snapshotDirtyRatio,
		"segment.bytes":             strconv.Itoa(snapshotSegmentBytes), "segment.ms": strconv.Itoa(snapshotLagMillis),
	}
	return []topicSpec{
		{context + CommandsSuffix, partitions, deleted(7 * dayMillis)},
		{context + DispatchSuffix, partitions, deleted(7 * dayMillis)},
		{context + EventsSuffix, partitions, events},
		{context + RefusalsSuffix, partitions, deleted(30 * dayMillis)},
		{context + InboxSuffix, partitions, deleted(7 * dayMillis)},
		{context + SnapshotsSuffix, partitions, snapshots},
		{context + DeadLettersSuffix, partitions, deleted(30 * dayMillis)},
		{context + ProcessesSuffix, partitions, events},
		{context + ProcessRefusalsSuffix, partitions, deleted(30 * dayMillis)},
		{context + ProcessSnapshotsSuffix, partitions, snapshots},
	}
}

// ContextTopics are the names of a context's topics.
func ContextTopics(context string) []string {
	var out []string
	for _, s := range contextTopics(context, 0, Replication{}) {
		out = append(out, s.name)
	}
	return out
}

// contextTopicsOf are the topics of all contexts that a cluster has, by their names.
func contextTopicsOf(ctx context.Context, admin *kadm.Client) ([]string, error) {
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing topics: %w", err)
	}
	suffixes := ContextTopics("")
	var out []string
	for name := range all {
		if slices.ContainsFunc(suffixes, func(suffix string) bool { return strings.HasSuffix(name, suffix) }) {
			out = append(out, name)
		}
	}
	return out, nil
}

// EnsureTopics makes the topics of the contexts, and those that belong to none, where they do not exist yet. A topic
// that exists with another partition count is an error: the count is an epoch, and growing it is a split, not a setting.
func EnsureTopics(ctx context.Context, cfg Config, contexts []string, partitions int32, r Replication) error {
	// The client remembers what it was told of a topic, also that there is none, for seconds unless told otherwise.
	cl, err := kgo.NewClient(append(cfg.options(), kgo.MetadataMinAge(topicsPause))...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	admin := kadm.NewClient(cl)
	specs := []topicSpec{
		{RepliesTopic, 1, deleted(hourMillis)},
		{ControlTopic, 1, map[string]string{"cleanup.policy": "compact"}},
	}
	for _, c := range contexts {
		specs = append(specs, contextTopics(c, partitions, r)...)
	}
	for _, s := range specs {
		if err := ensure(ctx, admin, s, r); err != nil {
			return err
		}
	}
	return awaitTopics(ctx, admin, specs)
}

const (
	topicsPatience = 2 * time.Minute
	topicsPause    = 50 * time.Millisecond
)

// awaitTopics waits until the topics can be used: a broker answers that it has made a topic before it knows its leaders.
func awaitTopics(ctx context.Context, admin *kadm.Client, specs []topicSpec) error {
	ctx, cancel := context.WithTimeout(ctx, topicsPatience)
	defer cancel()
	for _, s := range specs {
		for {
			err := usable(ctx, admin, s)
			if err == nil {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("kafka: topic %s was made and can't be used: %w", s.name, err)
			case <-time.After(topicsPause):
			}
		}
	}
	return nil
}

func usable(ctx context.Context, admin *kadm.Client, s topicSpec) error {
	found, err := admin.ListTopics(ctx, s.name)
	if err != nil {
		return err
	}
	t := found[s.name]
	if t.Err != nil {
		return t.Err
	}
	if n := int32(len(t.Partitions)); n != s.partitions {
		return fmt.Errorf("it has %d of %d partitions", n, s.partitions)
	}
	for _, p := range t.Partitions.Sorted() {
		if p.Err != nil {
			return p.Err
		}
	}
	return nil
}

func ensure(ctx context.Context, admin *kadm.Client, s topicSpec, r Replication) error {
	found, err := admin.ListTopics(ctx, s.name)
	if err != nil {
		return fmt.Errorf("kafka: listing topic %s: %w", s.name, err)
	}
	if t := found[s.name]; t.Err == nil {
		if n := int32(len(t.Partitions)); n != s.partitions {
			return fmt.Errorf("kafka: topic %s has %d partitions, --partitions says %d: give the count the topics were made with", s.name, n, s.partitions)
		}
		return nil
	}
	configs := map[string]*string{"max.message.bytes": ptr(strconv.Itoa(RecordBytesMax)), "message.timestamp.type": ptr("CreateTime")}
	for k, v := range s.configs {
		configs[k] = ptr(v)
	}
	if r.MinInSync > 0 {
		configs["min.insync.replicas"] = ptr(strconv.Itoa(r.MinInSync))
		configs["unclean.leader.election.enable"] = ptr("false")
	}
	factor := r.Factor
	if factor == 0 {
		factor = -1
	}
	made, err := admin.CreateTopic(ctx, s.partitions, factor, configs, s.name)
	if err = errors.Join(err, made.Err); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("kafka: creating topic %s: %w", s.name, err)
	}
	return nil
}

func ptr(s string) *string { return &s }

// TopicInfo is what a worker needs to know of a topic.
type TopicInfo struct {
	// ID is the topic's incarnation: a topic that was deleted and made again has another.
	ID         [16]byte
	Partitions int32
}

// DescribeTopics returns the topics' incarnations and partition counts. A topic that does not exist is an error that says how to make it.
func DescribeTopics(ctx context.Context, cfg Config, names ...string) (map[string]TopicInfo, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	found, err := kadm.NewClient(cl).ListTopics(ctx, names...)
	if err != nil {
		return nil, fmt.Errorf("kafka: describing topics: %w", err)
	}
	out := map[string]TopicInfo{}
	for _, name := range names {
		t, ok := found[name]
		if !ok || t.Err != nil {
			return nil, fmt.Errorf("kafka: topic %s: %w (--create-topics makes what is missing)", name, cmp.Or[error](t.Err, kerr.UnknownTopicOrPartition))
		}
		out[name] = TopicInfo{ID: t.ID, Partitions: int32(len(t.Partitions))}
	}
	return out, nil
}

// topicPartitions names the same partitions of several topics.
func topicPartitions(topics []string, partitions []int32) map[string][]int32 {
	out := make(map[string][]int32, len(topics))
	for _, t := range topics {
		out[t] = slices.Clone(partitions)
	}
	return out
}

// DeleteGroup forgets a consumer group and its offsets. It must have no members.
func DeleteGroup(ctx context.Context, cfg Config, group string) error {
	return administer(cfg, func(admin *kadm.Client) error {
		done, err := admin.DeleteGroups(ctx, group)
		return errors.Join(err, done.Error())
	})
}

// DeleteTopic removes a topic and all it holds.
func DeleteTopic(ctx context.Context, cfg Config, topic string) error {
	return administer(cfg, func(admin *kadm.Client) error {
		done, err := admin.DeleteTopics(ctx, topic)
		return errors.Join(err, done.Error())
	})
}

// SetTopicConfig sets one of a topic's settings.
func SetTopicConfig(ctx context.Context, cfg Config, topic, key, value string) error {
	return administer(cfg, func(admin *kadm.Client) error {
		done, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: key, Value: &value}}, topic)
		for _, d := range done {
			err = errors.Join(err, d.Err)
		}
		return err
	})
}

func administer(cfg Config, do func(*kadm.Client) error) error {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	if err := do(kadm.NewClient(cl)); err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	return nil
}
