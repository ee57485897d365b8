package subject

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/telemetry"
	"recount/internal/worker/projector"
	views "recount/schemas/clickhouse"
)

// Views is what a projectors' process is told. Everything else is as the projectors' own program has it.
type Views struct {
	Address, URL string // of Kafka and ClickHouse
	Database     string
	Only         []string // the bank's views to keep; none: all
	Profile      string   // a folder for Run; empty: none
}

// Run keeps the views up to date until ctx ends, observed as projectors run is.
func (v Views) Run(ctx context.Context) error {
	tel := telemetry.New("projectors")
	return v.With(ctx, func(cfg projector.Config) error {
		cfg.Kafka.Hooks, cfg.Observer = tel.KafkaHooks(), tel.Projector()
		p, err := projector.New(cfg)
		if err != nil {
			return err
		}
		stop, err := profiles(v.Profile)
		if err != nil {
			return err
		}
		return errors.Join(p.Run(ctx), stop(), tell(tel))
	})
}

// With hands do the projectors' configuration, on a database that is open for as long.
func (v Views) With(ctx context.Context, do func(projector.Config) error) (err error) {
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: v.URL, Database: v.Database})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	cfg, err := v.Config(db)
	if err != nil {
		return err
	}
	return do(cfg)
}

// Config is that of projectors which keep the views in db.
func (v Views) Config(db *clickhouse.DB) (projector.Config, error) {
	codec, err := Offline()
	if err != nil {
		return projector.Config{}, err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	return projector.Config{
		Kafka: kafka.Config{Brokers: []string{v.Address}, Log: log}, DB: db, Contexts: v.contexts(), Codec: codec, Log: log,
		Render: func(view string, g, window int) (clickhouse.Script, error) {
			s, err := views.Render(view, views.Params{Database: v.Database, Generation: g, DedupWindow: window})
			return clickhouse.Script{Tables: s.Tables, Public: s.Public}, err
		},
	}, nil
}

// contexts is the bank, with the views that are kept.
func (v Views) contexts() []es.Context {
	bank := Contexts()
	if len(v.Only) > 0 {
		bank[0].Views = slices.DeleteFunc(slices.Clone(bank[0].Views), func(view es.View) bool { return !slices.Contains(v.Only, view.Name) })
	}
	return bank
}
