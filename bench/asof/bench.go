package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"recount/bench/frame"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
)

// measure fills the tables, and asks all questions in turns.
func measure(ctx context.Context, s *frame.Scene, o options) (r frame.Result, err error) {
	engine, err := embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: s.Dir, Progress: s.Progress})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, engine.Stop(context.WithoutCancel(ctx))) }()
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: engine.URL(), Database: database, QueryTimeout: 10 * time.Minute})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fill(ctx, db, o.books, s.Progress); err != nil {
		return r, err
	}
	m := measurement{o: o, asker: newAsker(engine.URL()), took: map[string][]float64{}}
	if err := m.rounds(ctx, s.Progress); err != nil {
		return r, err
	}
	state, err := stored(ctx, db)
	if err != nil {
		return r, err
	}
	return m.table(s.Machine + state), nil
}

// measurement is what was asked and how long it took.
type measurement struct {
	o     options
	asker *asker
	took  map[string][]float64 // milliseconds, by question
}

// rounds asks every question once a round. No two rounds ask the same, so that nothing
// is answered from a cache of answers.
func (m *measurement) rounds(ctx context.Context, progress func(string)) error {
	for round := range m.o.warmUp + m.o.rounds {
		b := m.o.books
		// Moments from the last tenth of the books: nearly everything has to be added up.
		share := int64(90 + 10*round/(m.o.warmUp+m.o.rounds))
		valid := begin + (b.end()-begin)*share/100 + int64(round)
		known := valid - (b.end()-begin)/20
		n := int(b.draw(round, 0) % uint64(b.accounts))
		for _, q := range frame.Turn(questions(), round) {
			answer, took, err := m.asker.ask(ctx, q.sql(b, valid, known, n))
			if err == nil {
				err = q.check(b, answer, valid, known, n)
			}
			if err != nil {
				return fmt.Errorf("round %d: %w", round+1, err)
			}
			if round >= m.o.warmUp {
				m.took[q.name] = append(m.took[q.name], float64(took)/float64(time.Millisecond))
			}
		}
		progress(fmt.Sprintf("round %d of %d, every answer as by the fold", round+1, m.o.warmUp+m.o.rounds))
	}
	return nil
}

// stored describes the tables: how many parts the merges left, and their size.
func stored(ctx context.Context, db *clickhouse.DB) (string, error) {
	var tables []struct {
		Table string `ch:"table"`
		Parts uint64 `ch:"parts"`
		Size  string `ch:"size"`
	}
	err := db.Select(ctx, &tables, `SELECT table, count() AS parts, formatReadableSize(sum(bytes_on_disk)) AS size FROM system.parts
		WHERE database = ? AND active AND table IN ('account_history_g1', 'plain') GROUP BY table ORDER BY table`, database)
	text := ""
	for _, t := range tables {
		text += fmt.Sprintf(", %s %d parts and %s", t.Table, t.Parts, t.Size)
	}
	return text, err
}
