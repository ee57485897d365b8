package clickhouse

import (
	"context"
	"fmt"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// Known says that a generation of a view has every record of a partition that was recorded by Until.
type Known struct {
	View       string
	Generation int
	Context    string
	Partition  int32
	// Partitions is how many the topic has: the view as a whole is known by the least of all of them.
	Partitions int
	Until      time.Time
}

// TellKnown writes what is known of partitions. Of several rows of one partition the latest moment counts, so a row
// that is written twice does no harm, and one that is lost is made up for by the next.
func (db *DB) TellKnown(ctx context.Context, all []Known) error {
	if len(all) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	defer cancel()
	batch, err := db.conn.PrepareBatch(ch.Context(ctx, ch.WithSettings(insertSettings("")), ch.WithColumnNamesAndTypes(knownColumns())),
		"INSERT INTO known_rows (view, generation, context, partition, partitions, known_until)")
	if err != nil {
		return fmt.Errorf("telling what the views are known to hold: %w", explain(err))
	}
	defer func() { _ = batch.Close() }() // after Send it does nothing
	for _, k := range all {
		if err := batch.Append(k.View, uint32(k.Generation), k.Context, k.Partition, int32(k.Partitions), k.Until); err != nil {
			return fmt.Errorf("telling what view %s is known to hold: %w", k.View, err)
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("telling what the views are known to hold: %w", explain(err))
	}
	return nil
}

// KnownOf reads what is known of a generation.
func (db *DB) KnownOf(ctx context.Context, g Generation) ([]Known, error) {
	var rows []struct {
		Context    string    `ch:"context"`
		Partition  int32     `ch:"partition"`
		Partitions int32     `ch:"of"`
		Until      time.Time `ch:"until"`
	}
	err := db.Select(ctx, &rows, `SELECT toString(context) AS context, partition, argMax(partitions, known_until) AS of, max(known_until) AS until
		FROM known_rows WHERE view = ? AND generation = ? GROUP BY context, partition`, g.View, g.Number)
	if err != nil {
		return nil, fmt.Errorf("reading what %s is known to hold: %w", g, err)
	}
	var out []Known
	for _, r := range rows {
		out = append(out, Known{View: g.View, Generation: g.Number, Context: r.Context, Partition: r.Partition, Partitions: int(r.Partitions), Until: r.Until})
	}
	return out, nil
}

func knownColumns() []ch.ColumnNameAndType {
	return []ch.ColumnNameAndType{
		{Name: "view", Type: "LowCardinality(String)"}, {Name: "generation", Type: "UInt32"}, {Name: "context", Type: "LowCardinality(String)"},
		{Name: "partition", Type: "Int32"}, {Name: "partitions", Type: "Int32"}, {Name: "known_until", Type: "DateTime64(3, 'UTC')"},
	}
}
