package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
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
	// replayPause is how long nothing may come before the log is looked at.
	replayPause = 500 * time.Millisecond
	// replayFetchBytes is what one request asks of a partition: with the usual 1 MiB, a partition that is read alone would
	// spend its time waiting.
	replayFetchBytes = 8 << 20
)

// ErrCut says that a log no longer holds what was to be read: its beginning or its end was cut off, or it was made again.
var ErrCut = errors.New("the log was cut or made again")

// Replay reads the committed records of spans and hands them to deliver in order, span by span as they come, with the
// offset after the last record read. Control records are not delivered and count as progress: a transaction's marker
// may be the last record there is. It returns when every span is read to its end. A span that lies outside its log is ErrCut.
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
		kgo.FetchMaxPartitionBytes(replayFetchBytes),
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
	patience, cancel := context.WithTimeout(ctx, replayPause)
	defer cancel()
	fetches := cl.PollRecords(patience, replayPollMax)
	var faults []error
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		if p.Err != nil && !IsTimeout(p.Err) {
			faults = append(faults, fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, cut(p.Err)))
			return
		}
		if err := r.take(p); err != nil {
			faults = append(faults, err)
		}
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(faults) == 0 && fetches.NumRecords() == 0 {
		faults = append(faults, r.skipHoles(ctx, cl))
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("kafka: replay: %w", err)
	}
	return nil
}

// skipHoles ends the spans whose last records are no longer there: compaction may have removed them.
func (r *replay) skipHoles(ctx context.Context, cl *kgo.Client) error {
	for at, span := range r.left {
		for span.From < span.Until {
			got, next, err := fetchAt(ctx, cl, at.topic, at.partition, span.From)
			if err != nil {
				return fmt.Errorf("%s/%d: %w", at.topic, at.partition, cut(err))
			}
			if got.LastStableOffset < span.Until {
				return fmt.Errorf("%s/%d: the log ends at %d, expected were records up to %d: %w", at.topic, at.partition, got.LastStableOffset, span.Until, ErrCut)
			}
			if len(got.Records) > 0 && got.Records[0].Offset < span.Until {
				break // it exists, and will come
			}
			if next == span.From || next > span.Until || len(got.Records) > 0 {
				next = span.Until
			}
			span.From = next
		}
		if span.From < span.Until {
			continue
		}
		if err := r.deliver(r.left[at], nil, span.Until); err != nil {
			return err
		}
		delete(r.left, at)
	}
	return nil
}

// cut tells what a broker means by an offset out of its range: nothing here ever asks for one that was not there.
func cut(err error) error {
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return fmt.Errorf("%w: %w", ErrCut, err)
	}
	return err
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
