package rebuild

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
)

// block is a run of a partition's offsets, mapped.
type block struct {
	first, next int64 // first ≤ offset < next
	bytes       int
	newest      int64                      // event time
	rows        []*es.Rows                 // of each build
	news        [][]clickhouse.ParkedEvent // what was parked of it
}

// newBlocks returns the blocks of so many lanes: one each, and one more. While a lane's block is inserted, it fills the
// spare one, if no other lane does; else there is enough to do. They go from lane to lane, because most of what a block
// costs is to make room for its rows. A lane waits for another's insert at most, and an insert for no block.
func newBlocks(builds []*build, lanes int) chan *block {
	n := lanes + 1
	free := make(chan *block, n)
	for range n {
		b := &block{news: make([][]clickhouse.ParkedEvent, len(builds))}
		for _, of := range builds {
			b.rows = append(b.rows, es.NewRows(of.view.Tables...))
		}
		free <- b
	}
	return free
}

func (b *block) reset() {
	b.bytes, b.newest = 0, 0
	for i, r := range b.rows {
		r.Reset()
		b.news[i] = nil
	}
}

// take maps one record for every build that has not got it.
func (l *lane) take(ctx context.Context, rec *kafka.Record) error {
	if err := l.room(ctx, rec.Offset); err != nil {
		return err
	}
	recorded, broken := l.source.Decode(ctx, rec)
	if broken != nil && !parking.IsBroken(broken) {
		return broken
	}
	b := l.block
	for _, p := range l.parts {
		if rec.Offset < p.from || rec.Offset >= p.until {
			continue
		}
		if err := p.lot.Take(rec, &recorded, broken, b.rows[p.rows]); err != nil {
			return err
		}
	}
	b.newest = max(b.newest, projector.RecordedAt(recorded))
	b.bytes += len(rec.Key) + len(rec.Value)
	return nil
}

// room sees to a block that an offset fits in. Blocks end at multiples of their size, whoever reads them.
func (l *lane) room(ctx context.Context, offset int64) error {
	if l.block != nil && (offset >= l.end() || l.block.bytes >= l.r.cfg.BlockBytes) {
		if err := l.flush(ctx, offset); err != nil {
			return err
		}
	}
	if l.block != nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.block = <-l.free:
	}
	l.block.first = l.from
	return nil
}

func (l *lane) end() int64 {
	size := int64(l.r.cfg.Block)
	return (l.block.first/size + 1) * size
}

// passed notes that everything below next was read, be it records or not.
func (l *lane) passed(ctx context.Context, next int64) error {
	if l.block == nil || next < l.end() {
		return nil
	}
	return l.flush(ctx, next)
}

// flush hands the block over, which ends before next.
func (l *lane) flush(ctx context.Context, next int64) error {
	if l.block == nil {
		if next <= l.from {
			return nil
		}
		if err := l.room(ctx, l.from); err != nil { // offsets without records are passed as well
			return err
		}
	}
	l.block.next = next
	for _, p := range l.parts {
		l.block.news[p.rows] = p.lot.News()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case l.full <- l.block:
	}
	l.block, l.from = nil, next
	return nil
}

// insert inserts a block's rows for every build, and then writes down that they are in. Nothing of the next block is
// begun before: after a death there is one block of which it is not known whether it is in.
func (l *lane) insert(ctx context.Context, b *block) error {
	l.yield.wait(ctx)
	var marks []clickhouse.Watermark
	for _, p := range l.parts {
		first, next := max(b.first, p.from), min(b.next, p.until)
		if first >= next {
			continue
		}
		if err := l.park(ctx, p, b.news[p.rows]); err != nil {
			return err
		}
		n, err := l.insertPart(ctx, p, b.rows[p.rows], first, next)
		if err != nil {
			return err
		}
		l.r.at(p.build.view.Name, Inserted)
		marks = append(marks, p.build.mark(l.source.Context, l.partition, next, b.newest, n))
		p.again = false
	}
	if err := l.r.cfg.Projector.DB.Mark(ctx, marks...); err != nil {
		return err
	}
	for _, p := range l.parts {
		if b.next > p.from {
			p.build.raise(l.source.Context, l.partition, min(b.next, p.until))
		}
		l.r.at(p.build.view.Name, Marked)
	}
	l.done.Add(b.next - b.first)
	return nil
}

// unavailablePause is how long to wait before a block is tried again that was given up.
const unavailablePause = time.Second

// insertPart inserts one build's rows of a block, for as long as it takes.
func (l *lane) insertPart(ctx context.Context, p *part, rows *es.Rows, first, next int64) (int, error) {
	batch := clickhouse.Batch{Context: l.source.Context, Partition: l.partition, First: first, Last: next - 1, Again: p.again, Rows: rows}
	for {
		n, err := p.build.sink.Insert(ctx, p.build.attempt, batch)
		if err == nil || !errors.Is(err, clickhouse.ErrUnavailable) {
			return n, err
		}
		l.r.cfg.Log.Warn("a block could not be inserted and is tried again", "view", p.build.view.Name, "error", err)
		batch.Again = true
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%w: %w", ctx.Err(), err)
		case <-time.After(unavailablePause):
		}
	}
}
