package demo

import (
	"context"
	"fmt"
	"time"

	dto "github.com/prometheus/client_model/go"

	"recount/cmd/internal/console"
	"recount/cmd/recount/pipeline"
	"recount/internal/clickhouse"
)

const (
	decidedEvery = 50 * time.Millisecond
	visibleEvery = 100 * time.Millisecond
	// standstill is how long nothing may happen before the demo gives up.
	standstill = 60 * time.Second
)

// wait follows the commands of the month through the pipeline.
type wait struct {
	p    *pipeline.Pipeline
	db   *clickhouse.DB
	line *console.Status
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
	return poll(ctx, decidedEvery, "deciding the commands", func() (left int64, err error) {
		all, err := countDecided(w.p)
		if err != nil {
			return 0, err
		}
		now := all[bank]
		done := now.outcomes + now.duplicates - w.before.outcomes - w.before.duplicates
		w.line.Say("decided %s of %s commands", console.Count(done), console.Count(commands))
		return commands - done, nil
	})
}

// visible waits until every view has everything that the log holds.
func (w *wait) visible(ctx context.Context, _ int64) error {
	return poll(ctx, visibleEvery, "waiting for the views", func() (behind int64, err error) {
		if behind, err = w.p.ViewsBehind(ctx, w.db); err != nil {
			return 0, err
		}
		w.line.Say("decided; the views are %s records behind", console.Count(behind))
		return behind, nil
	})
}

// poll asks how much is left until nothing is. It gives up when nothing has happened for long.
func poll(ctx context.Context, every time.Duration, doing string, left func() (int64, error)) error {
	before, moved := int64(-1), time.Now()
	for {
		now, err := left()
		if err != nil {
			return err
		}
		if now <= 0 {
			return nil
		}
		if now != before {
			before, moved = now, time.Now()
		}
		if time.Since(moved) > standstill {
			return fmt.Errorf("%s: nothing has happened for %v, with %s left; --log-level debug tells more", doing, standstill, console.Count(now))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", doing, ctx.Err())
		case <-time.After(every):
		}
	}
}
