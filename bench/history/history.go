// Package history writes the past of a bank into a broker: the events and snapshots that an aggregator would have left
// for a stream of commands, over a time that lies behind, and its place in these commands.
//
// It has the engine itself decide, partition by partition, and carries its effects out without a group or a
// transaction, which takes a tenth of the time. Whoever measures on it checks it first: see the ledger.
package history

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"recount/bench/workload"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/worker/aggregator"
)

// History says what past to write.
type History struct {
	// Address is the broker's, which has the topics of the context, empty but for the commands.
	Address, Context string
	Codec            *serde.Codec
	Workload         *workload.Workload
	// Commands of the stream are decided, the others left. The last checkpoint begins after Checkpoint of them.
	Commands, Checkpoint int
	// From and Until are when the first and the last were recorded.
	From, Until time.Time
}

const (
	// moments are how many times of recording a partition has: what is decided together is recorded together.
	moments            = 200
	checkpointPart     = 20_000
	bufferedRecordsMax = 200_000
	linger             = 20 * time.Millisecond
	batchBytesMax      = 1 << 20
	// dedupEntries: no command comes twice, so next to nothing need be remembered.
	dedupEntries = 1_000
)

// Write writes it.
func (h History) Write(ctx context.Context) error {
	topics, err := h.topics(ctx)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(h.Address), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(bufferedRecordsMax), kgo.ProducerLinger(linger),
		kgo.ProducerBatchMaxBytes(batchBytesMax), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	defer cl.Close()
	writers, err := h.decide(ctx, cl, topics)
	if err == nil {
		err = h.place(ctx, kadm.NewClient(cl), writers)
	}
	if err != nil {
		return fmt.Errorf("history: %d commands: %w", h.Commands, err)
	}
	return nil
}

func (h History) topics(ctx context.Context) (map[string]kafka.TopicInfo, error) {
	return kafka.DescribeTopics(ctx, kafka.Config{Brokers: []string{h.Address}},
		h.Context+kafka.CommandsSuffix, h.Context+kafka.DispatchSuffix, h.Context+kafka.EventsSuffix, h.Context+kafka.SnapshotsSuffix)
}

// decide hands every partition its commands, in the stream's order, and lets all partitions decide beside each other.
func (h History) decide(ctx context.Context, cl *kgo.Client, topics map[string]kafka.TopicInfo) ([]*writer, error) {
	writers := make([]*writer, h.Workload.Partitions)
	for n := range writers {
		var err error
		if writers[n], err = h.writer(cl, topics, int32(n)); err != nil {
			return nil, err
		}
	}
	deciding := func(due int) error { // those with as many commands, or more
		var g errgroup.Group
		g.SetLimit(runtime.GOMAXPROCS(0))
		for _, w := range writers {
			if len(w.inputs) >= due {
				g.Go(func() error { return w.decide(ctx) })
			}
		}
		return g.Wait()
	}
	number, batch := 0, max(1, h.Commands/moments)
	for r, err := range h.Workload.Records() {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if number++; number > h.Commands {
			break
		}
		w := writers[r.Partition]
		w.inputs = append(w.inputs, engine.Input{Offset: w.next, Key: r.Key, Value: r.Value})
		w.next, w.at = w.next+1, h.at(number)
		if number == h.Checkpoint {
			if err := deciding(0); err != nil {
				return nil, err
			}
			for _, w := range writers {
				if err := w.checkpoint(ctx); err != nil {
					return nil, err
				}
			}
		}
		if number%batch == 0 {
			if err := deciding(1); err != nil {
				return nil, err
			}
		}
	}
	return writers, errors.Join(deciding(1), cl.Flush(ctx), failures(writers))
}

// at is when a command was recorded, Unix milliseconds.
func (h History) at(number int) int64 {
	return h.From.Add(time.Duration(float64(h.Until.Sub(h.From)) * float64(number) / float64(h.Commands))).UnixMilli()
}

func failures(writers []*writer) error {
	for _, w := range writers {
		if err := w.failed.Load(); err != nil {
			return *err
		}
	}
	return nil
}

// place commits how far the commands were decided, as the aggregators' group.
func (h History) place(ctx context.Context, admin *kadm.Client, writers []*writer) error {
	var offsets kadm.Offsets
	for n, w := range writers {
		offsets.AddOffset(h.Context+kafka.CommandsSuffix, int32(n), w.next, -1)
		offsets.AddOffset(h.Context+kafka.DispatchSuffix, int32(n), 0, -1)
	}
	done, err := admin.CommitOffsets(ctx, aggregator.Group(h.Context), offsets)
	return errors.Join(err, done.Error())
}

func (h History) config(topics map[string]kafka.TopicInfo, n int32) engine.Config {
	topic := func(suffix string) engine.Topic {
		name := h.Context + suffix
		return engine.Topic{Name: name, ID: es.ID(topics[name].ID)}
	}
	return engine.Config{
		Context: h.Context, Partition: n, Partitions: h.Workload.Partitions,
		Topics:   [...]engine.Topic{engine.Commands: topic(kafka.CommandsSuffix), engine.Dispatch: topic(kafka.DispatchSuffix)},
		EventsID: topic(kafka.EventsSuffix).ID, SnapshotsID: topic(kafka.SnapshotsSuffix).ID,
		Codec: h.Codec.Context(h.Context), DedupMillis: engine.DedupMillisDefault, DedupEntries: dedupEntries,
		CacheBytes: engine.CacheBytesDefault, RecordBytesMax: engine.RecordBytesMaxDefault, SnapshotEvery: engine.SnapshotEveryDefault,
	}
}
