package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// Owned keeps which partitions this process has.
func (v *projection) Owned(partitions []int32) { v.progress.owns(partitions) }

// Begin checks that the group stands where the rows do. The watermark is written after the rows and before the group
// can know, so the group may be behind it by the range it declares, and by nothing more.
func (v *projection) Begin(ctx context.Context, a kafka.Assignment) error {
	reached, err := v.cfg.DB.Reached(ctx, v.generation, v.source.Context, a.Partition)
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
			v.generation.Number, v.view.Name, v.source.Context, a.Partition, reached, v.group(), a.Position, v.view.Name)
	}
	if err := v.openLot(ctx, a); err != nil {
		return err
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
	rows, lot := es.NewRows(v.view.Tables...), v.lot(r.Partition)
	var trails []trail
	var oldest, newest int64
	for _, rec := range r.Records {
		recorded, err := v.source.Decode(ctx, rec)
		if err != nil && !parking.IsBroken(err) {
			return nil, err
		}
		followed := v.follow(rec, began, rows)
		if err := lot.Take(rec, &recorded, err, rows); err != nil {
			return nil, err
		}
		trails = followed.mapped(trails, recorded, rows)
		at := RecordedAt(recorded)
		if oldest == 0 {
			oldest = at
		}
		newest = max(newest, at)
	}
	news := lot.News()
	if rows.Empty() && len(news) == 0 {
		return nil, nil
	}
	mapped := time.Since(began)
	return func(ctx context.Context, attempt func(func() error) error) error {
		began := time.Now()
		if err := v.store(ctx, lot, attempt, news); err != nil {
			return err
		}
		n, err := v.sink.Insert(ctx, attempt, clickhouse.Batch{
			Context: v.source.Context, Partition: r.Partition, First: r.First, Last: r.Last, Again: r.Again, Rows: rows,
		})
		if errors.Is(err, clickhouse.ErrUnavailable) {
			return kafka.Rejoin(err)
		}
		if err != nil {
			return err
		}
		v.publish(r.Partition, r.Last+1, newest, n)
		v.cfg.Observer.Range(v.source.Context, v.view.Name, RangeStats{
			Records: len(r.Records), Rows: n, Again: r.Again, Map: mapped, Insert: time.Since(began), Oldest: time.UnixMilli(oldest),
		})
		v.projected(trails, r, n)
		return nil
	}, nil
}

// publish tells how far the view has come. Nothing depends on it being told, so it waits for nobody.
func (v *projection) publish(partition int32, next, eventTime int64, rows int) {
	eventTime = v.progress.newest(partition, eventTime)
	v.marks.Publish(clickhouse.Watermark{
		View: v.view.Name, Generation: v.generation.Number, Context: v.source.Context, Partition: partition, Next: next, EventTime: eventTime, Rows: rows,
	})
}
