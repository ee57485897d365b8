package rebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/worker/parking"
)

// Mended is what came of mending one table's rows of one aggregate.
type Mended struct {
	Table string
	// Events is how many records of the aggregate the log has; Rows how many rows they come to.
	Events int
	Rows   int
	// Wrong is how many offsets had other rows than they should have, and have the right ones now.
	Wrong int
}

// Mend makes the rows of one aggregate in the generation that serves what its events say they are. It reads the
// aggregate's partition from the start, up to where the generation is. Rows that are right are not touched. Those that
// are wrong are deleted and inserted, so that for a moment they are missing: wrong they were anyway. Done again after a
// death in that moment, it inserts them.
func (r *Rebuilder) Mend(ctx context.Context, view, aggregate, id string) (mended []Mended, err error) {
	builds, ctx, err := r.claim(ctx, []string{view})
	defer func() { err = errors.Join(err, r.release(ctx, builds)) }()
	if err != nil {
		return nil, err
	}
	b := builds[0]
	if err := b.check(ctx, Options{}); err != nil {
		return nil, err
	}
	serving, found, err := r.cfg.Projector.DB.Serving(ctx, view)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("rebuild: nothing serves view %s", view)
	case serving.Revision != b.view.Revision:
		return nil, fmt.Errorf("rebuild: %s was filled by revision %d of its mapping, and this program has revision %d: rebuild the view", serving, serving.Revision, b.view.Revision)
	}
	b.now = serving
	for _, c := range b.contexts {
		more, err := b.mendIn(ctx, c, aggregate, id)
		if err != nil {
			return mended, fmt.Errorf("mending %s %s in view %s: %w", aggregate, id, view, err)
		}
		mended = append(mended, more...)
	}
	return mended, nil
}

// mendIn mends the aggregate's rows that come from one context.
func (b *build) mendIn(ctx context.Context, contextName, aggregate, id string) ([]Mended, error) {
	extents, err := b.extents(ctx)
	if err != nil {
		return nil, err
	}
	p := partition.Of(id, int32(len(extents[contextName])))
	reached, err := b.r.cfg.Projector.DB.Reached(ctx, b.now, contextName, p)
	if err != nil {
		return nil, err
	}
	if err := b.unparked(ctx, contextName, p, parking.Aggregate{Type: aggregate, ID: id}); err != nil {
		return nil, err
	}
	rows, offsets, err := b.rowsOf(ctx, contextName, kafka.Span{
		Topic: b.source(contextName).Topic(), Partition: p, From: extents[contextName][p].Start, Until: min(reached, extents[contextName][p].Stable),
	}, aggregate, id)
	if err != nil || len(offsets) == 0 {
		return nil, err
	}
	var out []Mended
	for name, should := range rows.Each {
		m := Mended{Table: b.now.Table(name), Events: len(offsets), Rows: clickhouse.Count(should)}
		m.Wrong, err = b.r.cfg.Projector.DB.Mend(ctx, b.view, b.now, name, clickhouse.Mending{
			Context: contextName, Partition: p, Offsets: offsets, Rows: should, Shadow: "mend_" + strings.ReplaceAll(uuid.NewString(), "-", ""), Until: time.Now().Add(b.pace().InsertLifetime),
		})
		if err != nil {
			return out, err
		}
		out = append(out, m)
	}
	return out, nil
}

// rowsOf maps the aggregate's records of a span.
func (b *build) rowsOf(ctx context.Context, contextName string, span kafka.Span, aggregate, id string) (*es.Rows, []int64, error) {
	source, rows := b.source(contextName), es.NewRows(b.view.Tables...)
	var offsets []int64
	prefix := []byte(aggregate + "/" + id + "/") // an event's key is <type>/<aggregate ID>/<version>
	err := kafka.Replay(ctx, b.r.cfg.Projector.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, rec := range records {
			if (b.view.From == es.FromEvents || b.view.From == es.FromProcesses) && !bytes.HasPrefix(rec.Key, prefix) {
				continue // decoding is what takes time
			}
			recorded, err := source.Decode(ctx, rec)
			if err != nil {
				return fmt.Errorf("reading %s/%d@%d: %w", rec.Topic, rec.Partition, rec.Offset, err)
			}
			if recorded.Aggregate != aggregate || recorded.Meta.AggregateID != id {
				continue
			}
			offsets = append(offsets, rec.Offset)
			if b.discarded(contextName, rec.Partition, rec.Offset) {
				continue
			}
			if err := parking.Map(b.view, &recorded, rows); err != nil {
				return fmt.Errorf("mapping %s version %d at %s/%d@%d: %w", recorded.Type, recorded.Meta.Version, rec.Topic, rec.Partition, rec.Offset, err)
			}
		}
		return nil
	})
	return rows, offsets, err
}
