package console

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recount/internal/webconsole"
)

// row is a record as the queries below name its columns.
type row struct {
	Kind          string    `ch:"kind"`
	Recorded      time.Time `ch:"recorded_at"`
	Context       string    `ch:"context"`
	Type          string    `ch:"type"`
	ID            string    `ch:"id"`
	Version       uint64    `ch:"version"`
	What          string    `ch:"what"`
	Detail        string    `ch:"detail"`
	CommandID     string    `ch:"command_id"`
	Actor         string    `ch:"actor"`
	Position      string    `ch:"position"`
	CorrelationID string    `ch:"correlation_id"`
}

// The three kinds of records, in the same columns. A record that stands in the log twice is shown once.
const (
	ofEvents = `SELECT 'event' AS kind, e.recorded_at AS recorded_at, toString(e.context) AS context, toString(e.aggregate) AS type, e.aggregate_id AS id,
		e.version AS version, toString(e.event_type) AS what, '' AS detail, e.command_id AS command_id, toString(e.actor) AS actor, e.position AS position,
		e.correlation_id AS correlation_id FROM events AS e WHERE `
	ofRefusals = `SELECT 'refusal' AS kind, r.recorded_at AS recorded_at, toString(r.context) AS context, toString(r.aggregate) AS type, r.aggregate_id AS id,
		r.version AS version, concat(r.command, ' ', r.outcome) AS what, trim(concat(r.code, ' ', r.detail)) AS detail, r.command_id AS command_id,
		toString(r.actor) AS actor, r.position AS position, r.correlation_id AS correlation_id FROM refusals AS r WHERE `
	ofSagas = `SELECT 'saga' AS kind, h.recorded_at AS recorded_at, toString(h.context) AS context, toString(h.saga) AS type, h.instance_id AS id,
		h.version AS version, toString(h.event_type) AS what, trim(concat(h.step, ' ', h.target, ' ', h.code)) AS detail, '' AS command_id,
		h.actor AS actor, h.position AS position, h.correlation_id AS correlation_id FROM saga_history AS h WHERE `
	onceEach = ` LIMIT 1 BY kind, context, type, id, version, command_id`
)

// Trace asks the views for everything that belongs to a cause.
func (s *source) Trace(ctx context.Context, of webconsole.Cause, limit int) ([]webconsole.Record, error) {
	query, args := "SELECT * FROM ("+ofEvents+"e.command_id = ? UNION ALL "+ofRefusals+"r.command_id = ?)", []any{of.Command, of.Command}
	if of.Correlation != "" {
		query = "SELECT * FROM (" + ofEvents + "e.correlation_id = ? UNION ALL " + ofRefusals + "r.correlation_id = ? UNION ALL " + ofSagas + "h.correlation_id = ?)"
		args = []any{of.Correlation, of.Correlation, of.Correlation}
	}
	// Events come before the saga's steps that they caused, should they bear one stamp.
	query += " ORDER BY recorded_at, kind, context, type, id, version" + onceEach + " LIMIT ?"
	return s.records(ctx, query, append(args, limit)...)
}

const (
	// newestPartitions bounds how many partitions are looked into for what was recorded last.
	newestPartitions = 16
	eventsView       = "events"
)

// Newest asks the view of events for its newest. It looks at the ends of those partitions that changed last: the view is
// sorted by place in the log, and anything else would read all of it.
func (s *source) Newest(ctx context.Context, limit int) ([]webconsole.Record, error) {
	db, err := s.db.Get(ctx)
	if err != nil {
		return nil, err
	}
	g, found, err := db.Serving(ctx, eventsView)
	if err != nil || !found {
		return nil, err
	}
	var ends []struct {
		Context   string `ch:"context"`
		Partition int32  `ch:"partition"`
		Next      int64  `ch:"next"`
	}
	err = db.Select(ctx, &ends, `SELECT toString(w.context) AS context, w.partition AS partition, max(w.next_offset) AS next FROM watermark_rows AS w
		WHERE w.view = ? AND w.generation = ? GROUP BY context, partition ORDER BY max(w.event_time) DESC LIMIT ?`, eventsView, g.Number, newestPartitions)
	if err != nil {
		return nil, fmt.Errorf("asking how far the events are: %w", err)
	}
	if len(ends) == 0 {
		return nil, nil
	}
	var places []string
	var args []any
	for _, end := range ends {
		places = append(places, "(e.context = ? AND e.partition = ? AND e.offset >= ?)")
		args = append(args, end.Context, end.Partition, end.Next-2*int64(limit)) // markers of transactions stand between events
	}
	query := ofEvents + strings.Join(places, " OR ") + " ORDER BY recorded_at DESC, version DESC" + onceEach + " LIMIT ?"
	return s.records(ctx, query, append(args, limit)...)
}

func (s *source) records(ctx context.Context, query string, args ...any) ([]webconsole.Record, error) {
	db, err := s.db.Get(ctx)
	if err != nil {
		return nil, err
	}
	var rows []row
	if err := db.Select(ctx, &rows, query, args...); err != nil {
		return nil, fmt.Errorf("asking the views what was recorded: %w", err)
	}
	out := make([]webconsole.Record, len(rows))
	for i, r := range rows {
		out[i] = webconsole.Record{
			Kind: webconsole.Kind(r.Kind), Recorded: r.Recorded, Context: r.Context, Type: r.Type, ID: r.ID, Version: int64(r.Version),
			What: r.What, Detail: r.Detail, CommandID: r.CommandID, Actor: r.Actor, Position: r.Position, Correlation: r.CorrelationID,
		}
	}
	return out, nil
}

// Instances asks the view of sagas for instances.
func (s *source) Instances(ctx context.Context, limit int) ([]webconsole.Instance, error) {
	db, err := s.db.Get(ctx)
	if err != nil {
		return nil, err
	}
	if _, found, err := db.Serving(ctx, "saga_instances"); err != nil || !found {
		return nil, err
	}
	var rows []struct {
		Context string    `ch:"context"`
		Saga    string    `ch:"saga"`
		ID      string    `ch:"instance_id"`
		State   string    `ch:"state"`
		Step    string    `ch:"step"`
		Code    string    `ch:"code"`
		Detail  string    `ch:"detail"`
		Stuck   bool      `ch:"stuck"`
		Ended   bool      `ch:"ended"`
		Started time.Time `ch:"started_at"`
		Changed time.Time `ch:"changed_at"`
	}
	err = db.Select(ctx, &rows, `SELECT toString(i.context) AS context, toString(i.saga) AS saga, i.instance_id AS instance_id, i.state AS state, i.step AS step,
		toString(i.code) AS code, i.detail AS detail, toBool(i.stuck) AS stuck, toBool(i.ended) AS ended, i.started_at AS started_at, i.changed_at AS changed_at
		FROM saga_instances AS i ORDER BY stuck DESC, ended, changed_at DESC LIMIT ?`, limit)
	if err != nil {
		return nil, fmt.Errorf("asking the views for instances of sagas: %w", err)
	}
	out := make([]webconsole.Instance, len(rows))
	for i, r := range rows {
		out[i] = webconsole.Instance{
			Context: r.Context, Saga: r.Saga, ID: r.ID, State: r.State, Step: r.Step, Code: r.Code, Detail: r.Detail,
			Stuck: r.Stuck, Ended: r.Ended, Started: r.Started, Changed: r.Changed,
		}
	}
	return out, nil
}
