package role

import (
	"context"
	"fmt"

	"recount/internal/clickhouse"
	"recount/internal/kafka"
	"recount/internal/worker/rebuild"
)

// GenerationStanding is how far one physical build of a view has come, whoever fills it.
type GenerationStanding struct {
	clickhouse.Generation
	// Done of Total offsets are in it, those of all its contexts' partitions together, up to the last stable offsets.
	// Total is -1 where the log could not be asked.
	Done, Total int64
	// AtWork is who has a rebuild, a rollback or a repair of the view under way; empty: nobody.
	AtWork string
}

// GenerationStandings returns where every generation of every view stands, but for those that were dropped. What the
// database says is returned with the error of a log that could not be asked.
func (f *Foundation) GenerationStandings(ctx context.Context, db *clickhouse.DB) ([]GenerationStanding, error) {
	log, logErr := f.extents(ctx)
	var out []GenerationStanding
	for _, view := range f.ViewNames() {
		all, err := db.Generations(ctx, view)
		if err != nil {
			return out, err
		}
		who, _, err := rebuild.AtWork(ctx, db, view)
		if err != nil {
			return out, fmt.Errorf("asking who is at work on view %s: %w", view, err)
		}
		for _, g := range all {
			if g.State == clickhouse.StateDropped {
				continue
			}
			s := GenerationStanding{Generation: g, Total: -1, AtWork: who}
			if logErr == nil {
				err = s.measure(ctx, db, f.extentsOf(view, log))
			}
			if err != nil {
				return out, err
			}
			out = append(out, s)
		}
	}
	return out, logErr
}

// measure compares what is in the generation with what the log holds, by context and partition.
func (s *GenerationStanding) measure(ctx context.Context, db *clickhouse.DB, log map[string]map[int32]kafka.Extent) error {
	at, err := db.Vector(ctx, s.Generation)
	if err != nil {
		return fmt.Errorf("asking how far %s has come: %w", s.Generation, err)
	}
	s.Total = 0
	for name, partitions := range log {
		for n, e := range partitions {
			s.Total += e.Stable - e.Start
			s.Done += min(max(at[name][n], e.Start), e.Stable) - e.Start
		}
	}
	return nil
}

// extents returns what all topics hold that views are mapped from.
func (f *Foundation) extents(ctx context.Context) (map[string]map[int32]kafka.Extent, error) {
	r, err := kafka.NewLagReader(f.Kafka)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return r.Extents(ctx, f.viewTopics()...)
}

// extentsOf picks, by context, what the topics of one view hold.
func (f *Foundation) extentsOf(view string, log map[string]map[int32]kafka.Extent) map[string]map[int32]kafka.Extent {
	out := map[string]map[int32]kafka.Extent{}
	for _, c := range f.Contexts {
		for _, v := range c.Views {
			if v.Name == view {
				out[c.Name] = log[c.Name+"."+string(v.From)]
			}
		}
	}
	return out
}
