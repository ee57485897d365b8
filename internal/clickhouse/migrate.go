package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/pressly/goose/v3"
)

// migrationsTable is where goose keeps what it has applied.
const migrationsTable = "schema_migrations"

// Migrate brings Recount's own tables up to date. Two programs may do so at once: ClickHouse has no lock to take, so
// every migration is written to be applied twice.
func (db *DB) Migrate(ctx context.Context, migrations fs.FS) (err error) {
	o, err := db.cfg.options(db.cfg.Database)
	if err != nil {
		return err
	}
	pool := ch.OpenDB(o)
	defer func() { err = errors.Join(err, pool.Close()) }()
	if db.cfg.Replicated {
		migrations = replicatedFiles{migrations}
	}
	// goose has its own idea of global state; none of it is used here.
	provider, err := goose.NewProvider(goose.DialectClickHouse, pool, migrations,
		goose.WithTableName(migrationsTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(db.cfg.Log))
	if err != nil {
		return fmt.Errorf("clickhouse: reading the migrations: %w", err)
	}
	err = db.cfg.again(ctx, func() error { _, err := provider.Up(ctx); return err })
	if err != nil {
		return fmt.Errorf("clickhouse: migrating database %s: %w%s", db.cfg.Database, err, advice(err))
	}
	return nil
}
