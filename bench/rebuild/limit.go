package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
	"recount/internal/worker/projector"
	"recount/internal/worker/rebuild"
)

// limitEvents are inserted to learn the limit.
const limitEvents = 2_000_000

// insertLimit measures how many events a second ClickHouse takes into the same tables when their rows are there already:
// no log is read, nothing decoded or mapped, and no watermark written. Inserters are as many as there are processors.
func insertLimit(ctx context.Context, c subjectConfig, db *clickhouse.DB, events int) (float64, error) {
	cfg, err := c.views().Config(db)
	if err != nil {
		return 0, err
	}
	rows, n, err := mapped(ctx, cfg, min(rebuild.BlockDefault, events))
	if err != nil {
		return 0, err
	}
	var sinks []*clickhouse.Sink
	for _, v := range cfg.Contexts[0].Views {
		script, err := cfg.Render(v.Name, limitGeneration, 1_000_000)
		if err != nil {
			return 0, err
		}
		for _, statement := range script.Tables {
			if err := db.Exec(ctx, statement); err != nil {
				return 0, err
			}
		}
		sink, err := db.NewSink(ctx, v, clickhouse.Generation{View: v.Name, Number: limitGeneration}, clickhouse.SinkConfig{Pace: cfg.Pace()})
		if err != nil {
			return 0, err
		}
		sinks = append(sinks, sink)
	}
	insert := func(round int64) error {
		for i, sink := range sinks {
			b := clickhouse.Batch{Context: bank, First: round * int64(n), Last: (round+1)*int64(n) - 1, Rows: rows[i]}
			if _, err := sink.Insert(ctx, func(try func() error) error { return try() }, b); err != nil {
				return err
			}
		}
		return nil
	}
	if err := insert(0); err != nil { // thins the rows out: after it, nobody changes what all share
		return 0, err
	}
	began := time.Now()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	rounds := max(min(limitEvents, events)/n, 1)
	for round := range int64(rounds) {
		g.Go(func() error { return insert(round + 1) })
	}
	if err := g.Wait(); err != nil {
		return 0, fmt.Errorf("measuring the limit of inserts: %w", err)
	}
	rate := float64(rounds*n) / time.Since(began).Seconds()
	for _, v := range cfg.Contexts[0].Views {
		for _, t := range v.Tables {
			if err := db.Exec(ctx, "DROP TABLE "+clickhouse.Generation{Number: limitGeneration}.Table(t.Name())+" SYNC"); err != nil {
				return 0, err
			}
		}
	}
	return rate, nil
}

// limitGeneration is no generation that anybody would make.
const limitGeneration = 999

// mapped reads the first records of partition 0 and maps them, for each view.
func mapped(ctx context.Context, cfg projector.Config, n int) ([]*es.Rows, int, error) {
	source := projector.Source{Context: bank, Stream: es.FromEvents, Codec: cfg.Codec}
	var rows []*es.Rows
	for _, v := range cfg.Contexts[0].Views {
		rows = append(rows, es.NewRows(v.Tables...))
	}
	found, err := kafka.Extents(ctx, cfg.Kafka, eventsTopic)
	if err != nil {
		return nil, 0, err
	}
	n = min(n, int(found[eventsTopic][0].Stable))
	span := kafka.Span{Topic: eventsTopic, Until: int64(n)}
	err = kafka.Replay(ctx, cfg.Kafka, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, rec := range records {
			r, err := source.Decode(ctx, rec)
			if err != nil {
				return err
			}
			for i, v := range cfg.Contexts[0].Views {
				if err := parking.Map(v, &r, rows[i]); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return rows, n, err
}
