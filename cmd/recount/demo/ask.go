package demo

import (
	"context"
	"embed"
	"fmt"
	"strings"
)

//go:embed *.sql
var queries embed.FS

// Database answers queries. *clickhouse.DB is one.
type Database interface {
	// Select appends the rows of a query's answer to dest, a pointer to a slice of structs with `ch` tags.
	Select(ctx context.Context, dest any, query string, args ...any) error
}

// ask returns the rows that the query in the file name.sql answers with.
func ask[R any](ctx context.Context, db Database, name string, args ...any) ([]R, error) {
	query, err := queryNamed(name)
	if err != nil {
		return nil, err
	}
	rows := []R{} // a list in JSON, also where there is nothing
	if err := db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("asking ClickHouse (%s.sql): %w", name, err)
	}
	return rows, nil
}

func queryNamed(name string) (string, error) {
	text, err := queries.ReadFile(name + ".sql")
	if err != nil {
		return "", fmt.Errorf("a query of the report is missing: %w", err)
	}
	return string(text), nil
}

// titleOf is the first line of a query's comment: what the query is about.
func titleOf(query string) string {
	first, _, _ := strings.Cut(query, "\n")
	return strings.TrimSpace(strings.TrimPrefix(first, "--"))
}
