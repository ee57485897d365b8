package audit

import (
	"fmt"

	"recount/internal/es"
)

// Refusal is one command that left no event: refused, unchanged or failed.
type Refusal struct {
	Context     string `ch:"context"`
	Partition   int32  `ch:"partition"`
	Offset      int64  `ch:"offset"`
	Aggregate   string `ch:"aggregate"`
	AggregateID string `ch:"aggregate_id"`
	// Version is the aggregate's when the command was decided; 0: it was not there yet.
	Version           uint64 `ch:"version"`
	Command           string `ch:"command"`
	Outcome           string `ch:"outcome"`
	Code              string `ch:"code"`
	Detail            string `ch:"detail"`
	CommandID         string `ch:"command_id"`
	CorrelationID     string `ch:"correlation_id"`
	CausationID       string `ch:"causation_id"`
	Actor             string `ch:"actor"`
	SourceTopic       string `ch:"source_topic"`
	SourceIncarnation es.ID  `ch:"source_incarnation"`
	SourcePartition   int32  `ch:"source_partition"`
	SourceOffset      int64  `ch:"source_offset"`
	CommandHash       int64  `ch:"command_hash"`
	ValidAt           int64  `ch:"valid_at,millis"`
	RecordedAt        int64  `ch:"recorded_at,millis"`
}

// Refusals is the view of every outcome without an event, as far back as its topic reaches.
func Refusals() es.View {
	table := es.NewTable[Refusal]("refusals")
	return es.View{
		Name:     "refusals",
		Revision: 1,
		From:     es.FromRefusals,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			if r.Refusal == nil {
				return fmt.Errorf("reading the refusal at %s/%d@%d: it holds none", r.Context, r.Partition, r.Offset)
			}
			table.Append(out, Refusal{
				Context:           r.Context,
				Partition:         r.Partition,
				Offset:            r.Offset,
				Aggregate:         r.Aggregate,
				AggregateID:       r.Meta.AggregateID,
				Version:           uint64(r.Meta.Version),
				Command:           r.Refusal.Command,
				Outcome:           string(r.Refusal.Outcome),
				Code:              r.Refusal.Code,
				Detail:            r.Refusal.Detail,
				CommandID:         r.Meta.CommandID,
				CorrelationID:     r.Meta.CorrelationID,
				CausationID:       r.Meta.CausationID,
				Actor:             r.Meta.Actor,
				SourceTopic:       r.Meta.Source.Topic,
				SourceIncarnation: r.Meta.Source.Incarnation,
				SourcePartition:   r.Meta.Source.Partition,
				SourceOffset:      r.Meta.Source.Offset,
				CommandHash:       r.Meta.CommandHash,
				ValidAt:           r.Meta.ValidAt,
				RecordedAt:        r.Meta.RecordedAt,
			})
			return nil
		},
	}
}
