package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
)

// Owned keeps which partitions this process has.
func (v *projection) Owned(partitions []int32) { v.progress.owns(partitions) }

// Begin checks that the group stands where the rows do. The watermark is written after the rows and before the group
// can know, so the group may be behind it by the range it declares, and by nothing more.
func (v *projection) Begin(ctx context.Context, a kafka.Assignment) error {
	reached, err := v.cfg.DB.Reached(ctx, v.generation, v.context, a.Partition)
	if err != nil {
		return kafka.Rejoin(fmt.Errorf("reading the watermark: %w", err))
	}
	end := max(a.Position, 0)
	if a.Declared != nil {
		end = a.Declared.Last + 1
	}
	if reached > end {
		return fmt.Errorf("generation %d of view %s holds everything below %s/%d@%d, but its consumer group %s stands at %d: its offsets "+
			"expired, were reset, or Kafka lost them. Going on would insert rows twice: rebuild the view (projectors rebuild %s)",
			v.generation.Number, v.view.Name, v.context, a.Partition, reached, v.group(), a.Position, v.view.Name)
	}
	v.progress.begins(a)
	if a.Declared == nil && reached < end {
		// A crash kept this watermark from being written. With a range declared it has to wait for that: how old the
		// newest watermark is says whether the range's tokens are still remembered.
		v.publish(a.Partition, end, 0, 0)
	}
	return nil
}

// Reached keeps how far the partition is.
func (v *projection) Reached(partition int32, position int64) {
	v.progress.reached(partition, position)
}

// Confirmed publishes a position that no rows were inserted for, so that who waits for it need not wait for rows.
func (v *projection) Confirmed(partition int32, position int64) { v.publish(partition, position, 0, 0) }

// Prepare decodes and maps a range.
func (v *projection) Prepare(ctx context.Context, r kafka.Range) (kafka.Work, error) {
	began := time.Now()
	rows := es.NewRows(v.view.Tables...)
	var oldest, newest int64
	for _, rec := range r.Records {
		recorded, err := v.decode(ctx, rec)
		if err != nil {
			return nil, err
		}
		if err := v.mapTo(rows, recorded); err != nil {
			return nil, err
		}
		at := recorded.Meta.RecordedAt
		if at == 0 {
			at = recorded.Timestamp // a dead letter has no other time
		}
		if oldest == 0 {
			oldest = at
		}
		newest = max(newest, at)
	}
	if empty(rows) {
		return nil, nil
	}
	mapped := time.Since(began)
	return func(ctx context.Context, attempt func(func() error) error) error {
		began := time.Now()
		n, err := v.sink.Insert(ctx, attempt, clickhouse.Batch{
			Context: v.context, Partition: r.Partition, First: r.First, Last: r.Last, Again: r.Again, Rows: rows,
		})
		if errors.Is(err, clickhouse.ErrUnavailable) {
			return kafka.Rejoin(err)
		}
		if err != nil {
			return err
		}
		v.publish(r.Partition, r.Last+1, newest, n)
		v.cfg.Observer.Range(v.context, v.view.Name, RangeStats{
			Records: len(r.Records), Rows: n, Again: r.Again, Map: mapped, Insert: time.Since(began), Oldest: time.UnixMilli(oldest),
		})
		return nil
	}, nil
}

// decode reads a record, after asking the registry for a schema that a newer producer wrote it with.
func (v *projection) decode(ctx context.Context, rec *kafka.Record) (es.Recorded, error) {
	if v.view.From != es.FromDeadLetters { // whose values are whatever somebody sent
		if id, unknown := v.cfg.Codec.Unknown(rec.Value); unknown {
			if err := v.cfg.Codec.Learn(ctx, id); err != nil {
				return es.Recorded{}, kafka.Rejoin(fmt.Errorf("learning schema %d of %s: %w", id, v.place(rec), err))
			}
		}
	}
	headers := make([]engine.Header, len(rec.Headers))
	for i, h := range rec.Headers {
		headers[i] = engine.Header(h)
	}
	recorded, err := v.cfg.Codec.Recorded(v.context, v.view.From, rec.Partition, rec.Offset, rec.Timestamp.UnixMilli(), rec.Key, rec.Value, headers)
	if err != nil {
		return recorded, fmt.Errorf("decoding the record at %s: %w: only Recount writes this topic, so find out what wrote it; "+
			"the view waits here", v.place(rec), err)
	}
	return recorded, nil
}

func (v *projection) place(rec *kafka.Record) string {
	return fmt.Sprintf("%s/%d@%d", v.topic(), rec.Partition, rec.Offset)
}

// mapTo appends the record's rows. A mapping that panics has failed, and says so like any other.
func (v *projection) mapTo(rows *es.Rows, r es.Recorded) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
		if err != nil {
			err = fmt.Errorf("mapping %s version %d of %s %q at %s/%d@%d: %w: mend the mapping; the view waits here",
				r.Type, r.Meta.Version, r.Aggregate, r.Meta.AggregateID, v.topic(), r.Partition, r.Offset, err)
		}
	}()
	return v.view.Map(r, rows)
}

// publish tells how far the view has come. Nothing depends on it being told, so it waits for nobody.
func (v *projection) publish(partition int32, next, eventTime int64, rows int) {
	eventTime = v.progress.newest(partition, eventTime)
	v.marks.Publish(clickhouse.Watermark{
		View: v.view.Name, Generation: v.generation.Number, Context: v.context, Partition: partition, Next: next, EventTime: eventTime, Rows: rows,
	})
}

func empty(rows *es.Rows) bool {
	for _, r := range rows.Each {
		if clickhouse.Count(r) > 0 {
			return false
		}
	}
	return true
}
