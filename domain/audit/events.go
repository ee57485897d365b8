package audit

import (
	"fmt"

	"recount/internal/es"
)

// Event is one event: its metadata in columns, its data as JSON.
type Event struct {
	Context           string  `ch:"context"`
	Partition         int32   `ch:"partition"`
	Offset            int64   `ch:"offset"`
	Aggregate         string  `ch:"aggregate"`
	AggregateID       string  `ch:"aggregate_id"`
	Version           uint64  `ch:"version"`
	EventType         string  `ch:"event_type"`
	SchemaVersion     int32   `ch:"schema_version"`
	EventID           es.ID   `ch:"event_id"`
	CommandID         string  `ch:"command_id"`
	CorrelationID     string  `ch:"correlation_id"`
	CausationID       string  `ch:"causation_id"`
	Actor             string  `ch:"actor"`
	SourceTopic       string  `ch:"source_topic"`
	SourceIncarnation es.ID   `ch:"source_incarnation"`
	SourcePartition   int32   `ch:"source_partition"`
	SourceOffset      int64   `ch:"source_offset"`
	CommandHash       int64   `ch:"command_hash"`
	ValidAt           int64   `ch:"valid_at,millis"`
	RecordedAt        int64   `ch:"recorded_at,millis"`
	Chain             es.Hash `ch:"chain"`
	// Payload is the data as it was written, under the schema of SchemaVersion: an auditor sees no upcast.
	Payload string `ch:"payload"`
}

// Events is the view of every event.
func Events() es.View {
	table := es.NewTable[Event]("events")
	return es.View{
		Name:     "events",
		Revision: 1,
		From:     es.FromEvents,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			payload, err := r.JSON()
			if err != nil {
				return fmt.Errorf("writing %s version %d of %s %s as JSON: %w", r.Type, r.Meta.Version, r.Aggregate, r.Meta.AggregateID, err)
			}
			table.Append(out, Event{
				Context:           r.Context,
				Partition:         r.Partition,
				Offset:            r.Offset,
				Aggregate:         r.Aggregate,
				AggregateID:       r.Meta.AggregateID,
				Version:           uint64(r.Meta.Version),
				EventType:         r.Type,
				SchemaVersion:     int32(r.SchemaVersion),
				EventID:           r.Meta.EventID,
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
				Chain:             r.Meta.Chain,
				Payload:           payload,
			})
			return nil
		},
	}
}
