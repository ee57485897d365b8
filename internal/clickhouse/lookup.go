package clickhouse

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"
)

// absent returns what is to be inserted of a piece of a range that was declared before: what is not there. The token
// would drop what is in already, but it is remembered for so many inserts only, and a power failure may have taken it.
func (s *Sink) absent(ctx context.Context, b Batch, p piece) (piece, error) {
	if s.cfg.Without&GuardLookup != 0 {
		return p, nil
	}
	if p.table.engine.replaces() {
		p.token = "" // rows of a replacing table may be there twice: the newest is read
		return p, nil
	}
	if p.table.engine.replicated() && !b.Scattered {
		if long, err := s.longAgo(ctx, b); err != nil || !long {
			return p, err
		}
	}
	there, err := s.present(ctx, b, p)
	if err != nil || len(there) == 0 {
		return p, err
	}
	if len(there) < p.count {
		// In part. An insert of the former owner may still be under way; when its lifetime is over, what is there is
		// all there will be.
		select {
		case <-ctx.Done():
			return p, context.Cause(ctx)
		case <-time.After(s.cfg.InsertLifetime):
		}
		if there, err = s.present(ctx, b, p); err != nil {
			return p, err
		}
	}
	return s.without(p, there)
}

// unwritten returns what is still to be inserted of a piece after an attempt that was not the first. sent says that
// ClickHouse said yes: what is missing all the same was dropped for a token that stands for nothing, and needs another.
// An insert that is still under way is no danger: of two with one token, the first to be published has the rows.
func (s *Sink) unwritten(ctx context.Context, b Batch, p piece, sent bool) (piece, error) {
	switch {
	case p.table.engine.replaces() && s.cfg.Without&GuardLookup == 0:
		p.token = ""
		fallthrough
	case p.table.engine.replicated(), s.cfg.Without&GuardLookup != 0:
		if sent {
			p.count = 0
		}
		return p, nil
	}
	there, err := s.present(ctx, b, p)
	if err != nil || !sent && len(there) == 0 {
		return p, err
	}
	return s.without(p, there)
}

// longAgo says whether the range may have been declared longer ago than tokens are remembered. The server's clock
// measures both ends.
func (s *Sink) longAgo(ctx context.Context, b Batch) (bool, error) {
	var seconds int64
	err := s.ask(ctx, func(ctx context.Context) error {
		return s.db.Row(ctx, `SELECT dateDiff('second', greatest(
				(SELECT max(written_at) FROM watermark_rows WHERE view = ? AND generation = ? AND context = ? AND partition = ?),
				(SELECT max(changed_at) FROM generations WHERE view = ? AND generation = ?)), now64(3))`,
			s.g.View, s.g.Number, b.Context, b.Partition, s.g.View, s.g.Number).Scan(&seconds)
	})
	if err != nil {
		return false, fmt.Errorf("looking up when partition %s/%d was last inserted: %w", b.Context, b.Partition, err)
	}
	return time.Duration(seconds)*time.Second >= s.cfg.Outage(), nil
}

// ask repeats a question that fails, for as long as an insert is tried. A ClickHouse that is away for longer ends it: who
// repeats a range has a partition in its hands, and a rebalance, or the end of this process, waits for that to be let go.
func (s *Sink) ask(ctx context.Context, question func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.InsertLifetime)
	defer cancel()
	return s.db.cfg.again(ctx, func() error { return question(ctx) })
}

// present counts the rows of the range that are in the table, by offset.
func (s *Sink) present(ctx context.Context, b Batch, p piece) (map[int64]uint64, error) {
	var rows []struct {
		Offset int64  `ch:"offset"`
		N      uint64 `ch:"n"`
	}
	err := s.ask(ctx, func(ctx context.Context) error {
		rows = nil
		return s.db.Select(ctx, &rows, "SELECT offset, count() AS n FROM "+p.table.name+
			" WHERE context = ? AND partition = ? AND offset BETWEEN ? AND ?"+s.only(b, p)+" GROUP BY offset", b.Context, b.Partition, b.First, b.Last)
	})
	if err != nil {
		return nil, fmt.Errorf("looking up which rows are in table %s: %w", p.table.name, err)
	}
	there := map[int64]uint64{}
	for _, r := range rows {
		there[r.Offset] = r.N
	}
	return there, nil
}

// only restricts a question to the offsets of p, where the range has others between them.
func (s *Sink) only(b Batch, p piece) string {
	if !b.Scattered {
		return ""
	}
	offsets := p.table.layout.offsets(p.rows)
	slices.Sort(offsets)
	return " AND offset IN (" + joined(slices.Compact(offsets)) + ")"
}

// without returns the rows of p whose offsets are not in the table.
func (s *Sink) without(p piece, there map[int64]uint64) (piece, error) {
	offsets := p.table.layout.offsets(p.rows)
	expected := map[int64]uint64{}
	for _, o := range offsets {
		expected[o]++
	}
	all := reflect.ValueOf(p.rows).Elem()
	rest := reflect.New(all.Type())
	for i, o := range offsets {
		switch there[o] {
		case expected[o]:
		case 0:
			rest.Elem().Set(reflect.Append(rest.Elem(), all.Index(i)))
		default:
			return p, fmt.Errorf("clickhouse: table %s has %d of the %d rows of offset %d, and which ones cannot be told after so "+
				"long an outage: rebuild view %s", p.table.name, there[o], expected[o], o, s.g.View)
		}
	}
	// Other rows than the token stood for need a token of their own.
	return piece{table: p.table, rows: rest.Interface(), count: rest.Elem().Len(), token: p.token + ":rest"}, nil
}
