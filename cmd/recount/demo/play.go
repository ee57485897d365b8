package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"recount/cmd/internal/bankday"
	"recount/cmd/internal/cli"
	"recount/cmd/internal/console"
	"recount/cmd/internal/local"
	"recount/cmd/internal/role"
	"recount/cmd/recount/pipeline"
	"recount/internal/kafka"
)

// The month is the bank's, the day the shop's, with a few transfers of the bank's.
const (
	bank = "bank"
	shop = "shop"
)

// play loads the month, plays the day, waits until every view has both, and reads the books.
func (c *config) play(ctx context.Context, in *cli.Process, p *pipeline.Pipeline, month string) (r Report, err error) {
	if err := p.AwaitReady(ctx); err != nil {
		return r, err
	}
	views, err := p.Views(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, views.Close()) }()
	loads, err := beginLoads(ctx, p)
	if err != nil {
		return r, err
	}
	before, err := countDecided(p)
	if err != nil {
		return r, err
	}
	w := &wait{patience: patience{console.NewStatus(in.Stderr), &c.warned}, p: p, db: views, before: before[bank]}
	r = Report{Seed: c.seed, Commands: int64(c.commands), Orders: int64(c.orders), Conditions: c.conditions(p)}
	if r.Rates, err = c.measure(ctx, in, w, month); err != nil {
		return r, err
	}
	began := time.Now()
	sent, err := c.playDay(ctx, in, p, w.patience)
	if err == nil {
		err = w.visible(ctx, 0)
	}
	if err != nil {
		return r, err
	}
	w.line.End()
	r.DaySeconds = time.Since(began).Seconds()
	sent[bank] += r.Rates[0].Commands
	if err := endLoads(p, loads, before, sent); err != nil {
		return r, err
	}
	if r.Books, err = ReadBooks(ctx, views, loads, moments()); err != nil {
		return r, err
	}
	r.Passed = r.Books.Passed()
	return r, nil
}

// beginLoads notes where the commands of the demo will begin.
func beginLoads(ctx context.Context, p *pipeline.Pipeline) ([]Load, error) {
	loads := []Load{{Context: bank}, {Context: shop}}
	for i := range loads {
		var err error
		if loads[i].From, err = ends(ctx, p, loads[i].topic()); err != nil {
			return nil, err
		}
	}
	return loads, nil
}

// endLoads notes what was sent of each, and how much of it the aggregator had decided before.
func endLoads(p *pipeline.Pipeline, loads []Load, before map[string]decided, sent map[string]int64) error {
	now, err := countDecided(p)
	for i := range loads {
		l := &loads[i]
		l.Sent, l.Duplicates = sent[l.Context], now[l.Context].duplicates-before[l.Context].duplicates
	}
	return err
}

// measure loads the month and takes the times.
func (c *config) measure(ctx context.Context, in *cli.Process, w *wait, month string) ([]Rate, error) {
	quiet := *in
	quiet.Stdout = io.Discard // the report says it
	began := time.Now()
	loaded, err := role.Load{Actor: "demo", Contexts: []string{bank}}.Run(ctx, w.p.Foundation, &quiet, month)
	switch {
	case errors.Is(err, cli.ErrReported): // where nobody reads it
		return nil, fmt.Errorf("%d of the month's commands were rejected before they were sent; %s says why (--data keeps it)", loaded.Rejected, loaded.RejectedPath)
	case err != nil:
		return nil, fmt.Errorf("loading the month: %w", err)
	}
	rates := []Rate{rate("loaded", loaded.Published, loaded.Elapsed)}
	for _, stage := range []struct {
		name string
		wait func(context.Context, int64) error
	}{{"decided", w.decided}, {"visible", w.visible}} {
		if err := stage.wait(ctx, loaded.Published); err != nil {
			return nil, err
		}
		rates = append(rates, rate(stage.name, loaded.Published, time.Since(began)))
	}
	w.line.End()
	return rates, nil
}

func rate(stage string, commands int64, took time.Duration) Rate {
	return Rate{Stage: stage, Commands: commands, Seconds: took.Seconds(), PerSecond: float64(commands) / max(took.Seconds(), 1e-6)}
}

// ends are the ends of a topic's partitions, for whoever reads committed records: what is open behind them may not come.
func ends(ctx context.Context, p *pipeline.Pipeline, topic string) ([]int64, error) {
	found, err := kafka.Extents(ctx, p.Kafka, topic)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(found[topic]))
	for n, extent := range found[topic] {
		out[n] = extent.Stable
	}
	return out, nil
}

func (c *config) conditions(p *pipeline.Pipeline) Conditions {
	whose := func(s local.Service) string {
		if p.Embedded(s) {
			return "embedded"
		}
		return "outside"
	}
	return Conditions{
		CPUs: runtime.NumCPU(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(), Partitions: p.Services.Partitions,
		Kafka: whose(local.Kafka), ClickHouse: whose(local.ClickHouse), Registry: whose(local.Registry),
	}
}

// moments are about a third of the month, two thirds, and its end.
func moments() Moments {
	from, until := bankday.Span()
	return Moments{from.AddDate(0, 0, 10), from.AddDate(0, 0, 20), until}
}
