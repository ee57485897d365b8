package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Lag is how far a group is behind in one topic's partition, measured to the last stable offset: what lies beyond it
// can't be read yet, and is nobody's fault.
type Lag struct {
	Topic     string
	Partition int32
	Extent
	// Committed is the next offset the group reads; -1: it has committed none.
	Committed int64
	// Records is how many offsets lie from the first record that waits to the last stable offset: 0 where nothing waits.
	// Transactions' markers among them count; those that only follow the last record don't.
	Records int64
	// Oldest is the stamp of the first record that waits; zero where nothing does.
	Oldest time.Time
}

// Age is for how long the oldest record has been waiting, by its producer's clock; 0 where nothing waits.
func (l Lag) Age(now time.Time) time.Duration {
	if l.Oldest.IsZero() {
		return 0
	}
	return max(now.Sub(l.Oldest), 0)
}

// LagReader asks a cluster again and again how far groups are behind.
type LagReader struct {
	cl    *kgo.Client
	admin *kadm.Client
}

// NewLagReader returns a reader with a connection of its own. Close it.
func NewLagReader(cfg Config) (*LagReader, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &LagReader{cl, kadm.NewClient(cl)}, nil
}

// Close ends the connection.
func (r *LagReader) Close() { r.cl.Close() }

// Extents returns what the topics' partitions hold.
func (r *LagReader) Extents(ctx context.Context, topics ...string) (map[string]map[int32]Extent, error) {
	return extents(ctx, r.admin, topics)
}

// Lag returns how far the group is behind in every partition of the topics. It asks for the group's offsets first, so
// that the group can seem further behind than it is, and never ahead of what there was.
func (r *LagReader) Lag(ctx context.Context, group string, topics ...string) ([]Lag, error) {
	committed, err := r.admin.FetchOffsetsForTopics(ctx, group, topics...)
	if errors.Is(err, kerr.GroupIDNotFound) { // nobody has ever been in it
		committed, err = nil, nil
	}
	if err = errors.Join(err, committed.Error()); err != nil {
		return nil, fmt.Errorf("kafka: fetching the offsets of group %s: %w", group, err)
	}
	found, err := r.Extents(ctx, topics...)
	if err != nil {
		return nil, err
	}
	details, err := r.admin.ListTopics(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("kafka: listing topics: %w", err)
	}
	var out []Lag
	for _, topic := range topics {
		for n := range int32(len(found[topic])) {
			l := Lag{Topic: topic, Partition: n, Extent: found[topic][n], Committed: -1}
			if at, ok := committed.Lookup(topic, n); ok {
				l.Committed = at.At
			}
			if err := l.measure(ctx, r.cl, details[topic]); err != nil {
				return nil, fmt.Errorf("kafka: looking for the first record of %s/%d that group %s has not read: %w", topic, n, group, err)
			}
			out = append(out, l)
		}
	}
	return out, nil
}

// Behind returns how far whoever reads next from a position is behind, for those of a topic's partitions where that is
// below the last stable offset that found has.
func (r *LagReader) Behind(ctx context.Context, topic string, found map[int32]Extent, next map[int32]int64) ([]Lag, error) {
	var out []Lag
	for n, at := range next {
		if e, ok := found[n]; ok && max(at, e.Start) < e.Stable {
			out = append(out, Lag{Topic: topic, Partition: n, Extent: e, Committed: at})
		}
	}
	if len(out) == 0 {
		return nil, nil
	}
	details, err := r.admin.ListTopics(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("kafka: listing topics: %w", err)
	}
	for i := range out {
		if err := out[i].measure(ctx, r.cl, details[topic]); err != nil {
			return nil, fmt.Errorf("kafka: looking for the first record of %s/%d from %d on: %w", topic, out[i].Partition, out[i].Committed, err)
		}
	}
	return out, nil
}

const (
	// lagFetchBytes is how much one look for the first waiting record reads: a broker gives the first batch in any case.
	lagFetchBytes = 1
	// lagLooksMax bounds how many batches of markers and aborted records are looked past.
	lagLooksMax = 16
)

// measure finds the first record that waits. Without a look into the log, the marker of the last transaction would
// count for ever: a group that has read every record stands one short of the last stable offset.
func (l *Lag) measure(ctx context.Context, cl *kgo.Client, topic kadm.TopicDetail) error {
	at := max(l.Committed, l.Start)
	for range lagLooksMax {
		if at >= l.Stable {
			return nil
		}
		got, next, err := fetchFrom(ctx, cl, topic, l.Partition, at, lagFetchBytes)
		if err != nil {
			return err
		}
		for _, r := range got.Records {
			if !r.Attrs.IsControl() && r.Offset < l.Stable {
				l.Records, l.Oldest = l.Stable-r.Offset, r.Timestamp
				return nil
			}
		}
		if next == at {
			return nil // nothing up to the last stable offset: compacted away
		}
		at = next
	}
	l.Records = max(l.Stable-at, 0) // how old it is, is not worth more looks
	return nil
}
