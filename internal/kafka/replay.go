package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Span is a part of a partition to be read: offsets From ≤ o < Until.
type Span struct {
	Topic       string
	Partition   int32
	From, Until int64
}

const (
	replayPollMax = 20_000
	replayStall   = 30 * time.Second
)

// Replay reads the committed records of spans and hands them to deliver in order, span by span as they come, with the
// offset after the last record read. Control records are not delivered and count as progress: a transaction's marker
// may be the last record there is. It returns when every span is read to its end.
func Replay(ctx context.Context, cfg Config, spans []Span, deliver func(span Span, records []*Record, next int64) error) error {
	r := replay{left: map[topicPartition]Span{}, deliver: deliver}
	starts := map[string]map[int32]kgo.Offset{}
	for _, s := range spans {
		if s.From >= s.Until {
			continue
		}
		r.left[topicPartition{s.Topic, s.Partition}] = s
		if starts[s.Topic] == nil {
			starts[s.Topic] = map[int32]kgo.Offset{}
		}
		starts[s.Topic][s.Partition] = kgo.NewOffset().At(s.From)
	}
	if len(r.left) == 0 {
		return nil
	}
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.ConsumePartitions(starts),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
		kgo.FetchMaxWait(100*time.Millisecond),
	)...)
	if err != nil {
		return fmt.Errorf("kafka: replay: %w", err)
	}
	defer cl.Close()
	for len(r.left) > 0 {
		if err := r.poll(ctx, cl); err != nil {
			return err
		}
	}
	return nil
}

type topicPartition struct {
	topic     string
	partition int32
}

type replay struct {
	left    map[topicPartition]Span
	deliver func(Span, []*Record, int64) error
}

func (r *replay) poll(ctx context.Context, cl *kgo.Client) error {
	stall, cancel := context.WithTimeout(ctx, replayStall)
	defer cancel()
	fetches := cl.PollRecords(stall, replayPollMax)
	var faults []error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil {
			faults = append(faults, fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, p.Err))
			return
		}
		if err := r.take(p); err != nil {
			faults = append(faults, err)
		}
	})
	switch err := errors.Join(faults...); {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && stall.Err() != nil:
		return fmt.Errorf("kafka: replay: nothing came for %v, waiting for %v", replayStall, r.left)
	case err != nil:
		return fmt.Errorf("kafka: replay: %w", err)
	}
	return nil
}

func (r *replay) take(p kgo.FetchTopicPartition) error {
	at := topicPartition{p.Topic, p.Partition}
	span, ok := r.left[at]
	if !ok || len(p.Records) == 0 {
		return nil
	}
	next := span.From
	data := make([]*Record, 0, len(p.Records))
	for _, rec := range p.Records {
		if rec.Offset >= span.Until {
			next = span.Until
			break
		}
		next = rec.Offset + 1
		if !rec.Attrs.IsControl() {
			data = append(data, rec)
		}
	}
	if err := r.deliver(span, data, next); err != nil {
		return err
	}
	span.From = next
	r.left[at] = span
	if next >= span.Until {
		delete(r.left, at)
	}
	return nil
}
