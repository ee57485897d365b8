package projector

import (
	"context"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
)

// lagPause is how often the ends of the logs are asked for.
const lagPause = 5 * time.Second

// watchLag keeps the last stable offsets, which the lag is measured to and from which follows what the views are known
// to hold.
func (p *Projector) watchLag(ctx context.Context, r *kafka.LagReader) {
	var still kafka.Standstill
	known := newKnowledge(p.cfg.TransactionTimeout)
	for {
		at := time.Now() // before the offsets are read
		found, err := r.Extents(ctx, p.topics()...)
		if err != nil {
			p.cfg.Log.Debug("the lag is not known at the moment", "error", err)
		}
		stood := map[string]map[int32]time.Duration{}
		for topic, extents := range found {
			stood[topic] = map[int32]time.Duration{}
			for n, e := range extents {
				stood[topic][n] = still.Note(topic, n, e, time.Now())
			}
		}
		for _, v := range p.views {
			for n, e := range found[v.topic()] {
				v.stands(n, e.Stable, stood[v.topic()][n])
			}
			if err := v.look(ctx, r, found[v.topic()]); err != nil {
				p.cfg.Log.Debug("for how long records have been waiting is not known at the moment", "view", v.view.Name, "error", err)
			}
		}
		p.tell(ctx, known, at, found)
		select {
		case <-ctx.Done():
			return
		case <-time.After(lagPause):
		}
	}
}

// look finds out since when the first record has been waiting where that does not follow from what the view shows.
func (k *keeper) look(ctx context.Context, r *kafka.LagReader, found map[int32]kafka.Extent) error {
	for _, p := range k.each() {
		lags, err := r.Behind(ctx, k.topic(), found, p.progress.doubtful())
		if err != nil {
			return err
		}
		for _, l := range lags {
			p.progress.waits(l)
		}
	}
	return nil
}

// tell publishes what the views are known to hold. Nothing but questions for what was believed waits for it.
func (p *Projector) tell(ctx context.Context, known *knowledge, at time.Time, found map[string]map[int32]kafka.Extent) {
	var all []clickhouse.Known
	for _, v := range p.views {
		for _, s := range v.statuses() {
			all = append(all, known.learn(at, s, found[v.topic()])...)
		}
	}
	if err := p.cfg.DB.TellKnown(ctx, all); err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("what the views are known to hold is not told at the moment", "error", err)
	}
}

// tablesPause is how often the tables are counted: a count of parts is for a curve, not for an instant.
const tablesPause = 5 * time.Second

// watchTables counts the parts of the tables. Merges that do not keep up with inserts show there, long before ClickHouse
// begins to refuse them.
func (p *Projector) watchTables(ctx context.Context) {
	for {
		tables, err := p.cfg.DB.Parts(ctx)
		if err == nil {
			p.tables.Store(&tables)
		} else if ctx.Err() == nil {
			p.cfg.Log.Debug("the parts of the tables are not known at the moment", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(tablesPause):
		}
	}
}

// Tables returns the database's tables with their parts, as they were counted last.
func (p *Projector) Tables() []clickhouse.TableParts {
	if t := p.tables.Load(); t != nil {
		return *t
	}
	return nil
}
