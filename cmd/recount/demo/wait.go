package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"

	"recount/cmd/internal/console"
	"recount/cmd/internal/role"
	"recount/cmd/recount/pipeline"
	"recount/internal/clickhouse"
)

const (
	decidedEvery = 50 * time.Millisecond
	visibleEvery = 100 * time.Millisecond
)

// wait follows the commands of the month through the pipeline.
type wait struct {
	patience
	p  *pipeline.Pipeline
	db *clickhouse.DB
	// before is what this process's aggregator had decided of the bank before the load.
	before decided
}

// decided counts commands by what the aggregator did with them.
type decided struct{ outcomes, duplicates int64 }

// countDecided reads the aggregator's own counters, by context: of a repeated command nothing else tells. They count what
// this process decides, which is everything as long as no other aggregator works on the same topics.
func countDecided(p *pipeline.Pipeline) (map[string]decided, error) {
	families, err := p.Telemetry.Gatherer().Gather()
	if err != nil {
		return nil, fmt.Errorf("reading the aggregator's counters: %w", err)
	}
	all := map[string]decided{}
	for _, f := range families {
		outcomes := f.GetName() == "recount_aggregator_commands_total"
		if !outcomes && f.GetName() != "recount_aggregator_duplicates_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			of, n := contextOf(m), int64(m.GetCounter().GetValue())
			d := all[of]
			if outcomes {
				d.outcomes += n
			} else {
				d.duplicates += n
			}
			all[of] = d
		}
	}
	return all, nil
}

func contextOf(m *dto.Metric) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == "context" {
			return l.GetValue()
		}
	}
	return ""
}

// decided waits until all commands of the load are decided.
func (w *wait) decided(ctx context.Context, commands int64) error {
	return w.until(ctx, decidedEvery, "deciding the commands", func(context.Context) (left, error) {
		all, err := countDecided(w.p)
		if err != nil {
			return left{}, err
		}
		now := all[bank]
		done := now.outcomes + now.duplicates - w.before.outcomes - w.before.duplicates
		w.line.Say("decided %s of %s commands", console.Count(done), console.Count(commands))
		return left{commands - done, fmt.Sprintf("%s of %s commands are not decided", console.Count(commands-done), console.Count(commands))}, nil
	})
}

// visible waits until every view has everything that the log holds.
func (w *wait) visible(ctx context.Context, _ int64) error {
	return w.until(ctx, visibleEvery, "waiting for the views", func(ctx context.Context) (left, error) {
		behind, err := inTime(ctx, func(ctx context.Context) (left, error) {
			lags, err := w.p.ViewsBehind(ctx, w.db)
			return lacking(lags), err
		})
		if err == nil && behind.much != unknown {
			w.line.Say("decided; the views are %s records behind", console.Count(behind.much))
		}
		return behind, err
	})
}

// lacking is what views lack.
func lacking(lags []role.ViewLag) (all left) {
	var each []string
	for _, l := range lags {
		all.much += l.Offsets
		each = append(each, fmt.Sprintf("%s of %s lacks %s records", l.View, l.Context, console.Count(l.Offsets)))
	}
	all.what = strings.Join(each, ", ")
	return all
}
