package role

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
	"recount/internal/ingest"
)

// lookup finds the outcomes of commands in the views of events and refusals. It connects when it is first asked: commands
// are taken whether or not the views are there.
type lookup struct{ views *Lazy[*clickhouse.DB] }

// lookupEventsMax bounds what is told of one command.
const lookupEventsMax = 1000

// WaitFor waits until a view has everything up to a position.
func (l *lookup) WaitFor(ctx context.Context, view string, at es.Position) error {
	db, err := l.views.Get(ctx)
	if err != nil {
		return err
	}
	return db.WaitFor(ctx, view, at)
}

// Command returns the outcome that the views have of a command. Events prove that it was accepted, whatever came later;
// of the outcomes without events the last counts, but for a refusal of other data under the same ID.
func (l *lookup) Command(ctx context.Context, key ingest.CommandKey) (ingest.Result, bool, error) {
	db, err := l.views.Get(ctx)
	if err != nil {
		return ingest.Result{}, false, err
	}
	if res, found, err := accepted(ctx, db, key); err != nil || found {
		return res, found, err
	}
	return withoutEvent(ctx, db, key)
}

// recordedEvent is a row of the view of events.
type recordedEvent struct {
	EventType       string    `ch:"event_type"`
	SchemaVersion   int32     `ch:"schema_version"`
	Version         uint64    `ch:"version"`
	EventID         string    `ch:"event_id"`
	CorrelationID   string    `ch:"correlation_id"`
	CausationID     string    `ch:"causation_id"`
	Actor           string    `ch:"actor"`
	SourceTopic     string    `ch:"source_topic"`
	SourcePartition int32     `ch:"source_partition"`
	SourceOffset    int64     `ch:"source_offset"`
	ValidAt         time.Time `ch:"valid_at"`
	RecordedAt      time.Time `ch:"recorded_at"`
	Chain           string    `ch:"chain"`
	Payload         string    `ch:"payload"`
	Position        string    `ch:"position"`
}

func accepted(ctx context.Context, db *clickhouse.DB, key ingest.CommandKey) (ingest.Result, bool, error) {
	var rows []recordedEvent
	err := db.Select(ctx, &rows, `
		SELECT event_type, schema_version, version, toString(event_id) AS event_id, correlation_id, causation_id, actor,
			source_topic, source_partition, source_offset, valid_at, recorded_at, chain, payload, position
		FROM events WHERE context = ? AND aggregate = ? AND aggregate_id = ? AND command_id = ?
		ORDER BY version, offset LIMIT 1 BY version LIMIT ?`,
		key.Context, key.Aggregate, key.ID, key.CommandID, lookupEventsMax)
	if err != nil {
		return ingest.Result{}, false, fmt.Errorf("looking for the events of command %s: %w", key.CommandID, err)
	}
	if len(rows) == 0 {
		return ingest.Result{}, false, nil
	}
	last := rows[len(rows)-1]
	res := ingest.Result{CommandID: key.CommandID, Outcome: es.Accepted, Version: int64(last.Version), Position: last.Position}
	for _, r := range rows {
		event, err := r.json(key)
		if err != nil {
			return ingest.Result{}, false, err
		}
		res.Events = append(res.Events, event)
	}
	return res, true, nil
}

const jsonTime = "2006-01-02T15:04:05.000Z07:00"

// json is the event in the form in which a caller who waited has got it.
func (r recordedEvent) json(key ingest.CommandKey) (json.RawMessage, error) {
	type source struct {
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
		Offset    int64  `json:"offset"`
	}
	out, err := json.Marshal(struct {
		Type          string          `json:"type"`
		SchemaVersion int32           `json:"schema_version"`
		AggregateID   string          `json:"aggregate_id"`
		Version       uint64          `json:"version"`
		EventID       string          `json:"event_id"`
		CommandID     string          `json:"command_id"`
		CorrelationID string          `json:"correlation_id"`
		CausationID   string          `json:"causation_id"`
		Actor         string          `json:"actor"`
		ValidAt       string          `json:"valid_at"`
		RecordedAt    string          `json:"recorded_at"`
		Source        source          `json:"source"`
		Chain         string          `json:"chain"`
		Data          json.RawMessage `json:"data"`
	}{
		key.Context + "." + key.Aggregate + "." + r.EventType, r.SchemaVersion, key.ID, r.Version, r.EventID, key.CommandID,
		r.CorrelationID, r.CausationID, r.Actor, r.ValidAt.UTC().Format(jsonTime), r.RecordedAt.UTC().Format(jsonTime),
		source{r.SourceTopic, r.SourcePartition, r.SourceOffset}, r.Chain, json.RawMessage(r.Payload),
	})
	if err != nil {
		return nil, fmt.Errorf("version %d of %s %s as JSON: %w", r.Version, key.Aggregate, key.ID, err)
	}
	return out, nil
}

func withoutEvent(ctx context.Context, db *clickhouse.DB, key ingest.CommandKey) (ingest.Result, bool, error) {
	var rows []struct {
		Command string `ch:"command"`
		Outcome string `ch:"outcome"`
		Code    string `ch:"code"`
		Detail  string `ch:"detail"`
		Version uint64 `ch:"version"`
	}
	err := db.Select(ctx, &rows, `
		SELECT command, outcome, code, detail, version
		FROM refusals WHERE context = ? AND aggregate = ? AND aggregate_id = ? AND command_id = ?
		ORDER BY code = ?, offset DESC LIMIT 1`,
		key.Context, key.Aggregate, key.ID, key.CommandID, es.CommandIDReused.Error())
	if err != nil {
		return ingest.Result{}, false, fmt.Errorf("looking for the outcome of command %s: %w", key.CommandID, err)
	}
	if len(rows) == 0 {
		return ingest.Result{}, false, nil
	}
	r := rows[0]
	return ingest.Result{
		CommandID: key.CommandID, Command: r.Command, Outcome: es.Outcome(r.Outcome), Code: r.Code, Detail: r.Detail,
		Version: int64(r.Version), Events: []json.RawMessage{},
	}, true, nil
}
