package carry

import (
	"context"
	"time"

	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/serde/container"
	"recount/internal/worker/verify"
)

// writer writes one partition.
type writer struct {
	*importing
	out       *kafka.Appender
	stream    verify.Stream
	partition int32
	there     int64 // records that a run before this one has written
	saga      int64 // the next event, by the archive's offsets, that processes take in; -1: unknown

	read  int64 // of the archive
	told  int64 // of these, as progress
	batch []*kafka.Record
	bytes int
	below int64 // events in front of saga
}

const (
	// A batch is acknowledged before the next one is begun.
	importRecordsMax = 5_000
	importBytesMax   = 8 << 20
)

func (w *writer) run(ctx context.Context) error {
	for _, f := range w.manifest.Of(w.stream.Topic(), w.partition) {
		if err := f.Read(w.Dir, func(r *container.Record) error { return w.take(ctx, r) }); err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	if w.saga >= 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sagas[sagaPlace{w.stream.Context, w.partition}] = w.below
	}
	return nil
}

func (w *writer) take(ctx context.Context, r *container.Record) error {
	if r.Offset < w.saga {
		w.below++
	}
	if w.read++; w.read <= w.there {
		return nil
	}
	record, err := w.kept(r, w.stream.Topic(), w.partition)
	if err != nil {
		return err
	}
	w.batch = append(w.batch, record)
	if w.bytes += len(record.Key) + len(record.Value); len(w.batch) < importRecordsMax && w.bytes < importBytesMax {
		return nil
	}
	return w.flush(ctx)
}

func (w *writer) flush(ctx context.Context) error {
	if len(w.batch) > 0 {
		if err := w.out.Append(ctx, w.batch); err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at.Passed += w.read - w.told
	w.at.Events += int64(len(w.batch))
	w.tell("writing", w.at)
	w.told, w.batch, w.bytes = w.read, nil, 0
	return nil
}

// kept is the record to be written: under the schema's ID of this cluster's registry, everything else as it was.
func (i *importing) kept(r *container.Record, topic string, partition int32) (*kafka.Record, error) {
	value, err := i.Codec.AppendFrame(nil, serde.EventSchema{Record: r.Schema, Version: r.SchemaVersion}, r.Body)
	if err != nil {
		return nil, err
	}
	out := &kafka.Record{Topic: topic, Partition: partition, Key: r.Key, Value: value, Timestamp: time.UnixMilli(r.TimestampMillis)}
	for _, h := range r.Headers {
		out.Headers = append(out.Headers, kafka.Header{Key: h.Key, Value: h.Value})
	}
	return out, nil
}
