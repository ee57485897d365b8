package serde

import (
	"fmt"

	"github.com/twmb/avro"

	"recount/internal/engine"
	"recount/internal/es"
)

// snapshotData is engine.Snapshot as it is written.
type snapshotData struct {
	Version    int64   `avro:"version"`
	Chain      es.Hash `avro:"chain"`
	RecordedAt int64   `avro:"recorded_at"`
	EventsNext int64   `avro:"events_next"`
	EventsID   es.ID   `avro:"events_id"`
	Fold       es.Hash `avro:"fold"`
	State      []byte  `avro:"state"`
}

// AppendSnapshot appends the frame of s.
func (c *contextCodec) AppendSnapshot(dst []byte, s *engine.Snapshot) ([]byte, error) {
	out, err := c.catalog.snapshot.newest().data.AppendEncode(appendHeader(dst, c.own.snapshot), (*snapshotData)(s))
	if err != nil {
		return dst, fmt.Errorf("%s: %w", snapshotName, err)
	}
	return out, nil
}

// DecodeSnapshot reads a snapshot, whose State is part of value.
func (c *contextCodec) DecodeSnapshot(value []byte) (engine.Snapshot, error) {
	var s engine.Snapshot
	return s, c.decodeShared(snapshot, value, (*snapshotData)(&s), avro.AliasInput())
}

// markerData is engine.Marker as it is written.
type markerData struct {
	Partitions   int32      `avro:"partitions"`
	EventsID     es.ID      `avro:"events_id"`
	EventsNext   int64      `avro:"events_next"`
	RefusalsNext int64      `avro:"refusals_next"`
	RecordedAt   int64      `avro:"recorded_at"`
	Aggregates   int64      `avro:"aggregates"`
	Sources      []consumed `avro:"sources"`
	Folds        []folded   `avro:"folds"`
}

type consumed struct {
	Topic       string `avro:"topic"`
	Incarnation es.ID  `avro:"incarnation"`
	Next        int64  `avro:"next"`
}

type folded struct {
	Aggregate string  `avro:"aggregate"`
	Fold      es.Hash `avro:"fold"`
}

// AppendMarker appends the frame of m.
func (c *contextCodec) AppendMarker(dst []byte, m *engine.Marker) ([]byte, error) {
	d := markerData{
		Partitions: m.Partitions, EventsID: m.EventsID, EventsNext: m.EventsNext, RefusalsNext: m.RefusalsNext,
		RecordedAt: m.RecordedAt, Aggregates: m.Aggregates,
	}
	for _, s := range m.Sources {
		d.Sources = append(d.Sources, consumed(s))
	}
	for _, f := range m.Folds {
		d.Folds = append(d.Folds, folded(f))
	}
	out, err := c.catalog.marker.newest().data.AppendEncode(appendHeader(dst, c.own.marker), &d)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", markerName, err)
	}
	return out, nil
}

// DecodeMarker reads a marker.
func (c *contextCodec) DecodeMarker(value []byte) (engine.Marker, error) {
	var d markerData
	if err := c.decodeShared(marker, value, &d); err != nil {
		return engine.Marker{}, err
	}
	m := engine.Marker{
		Partitions: d.Partitions, EventsID: d.EventsID, EventsNext: d.EventsNext, RefusalsNext: d.RefusalsNext,
		RecordedAt: d.RecordedAt, Aggregates: d.Aggregates,
	}
	for _, s := range d.Sources {
		m.Sources = append(m.Sources, engine.Consumed(s))
	}
	for _, f := range d.Folds {
		m.Folds = append(m.Folds, engine.Folded(f))
	}
	return m, nil
}

// decodeShared reads the frame of a shared record that has no meta, all of it, into the value that into points to.
func (c *contextCodec) decodeShared(k kind, frame []byte, into any, opts ...avro.Opt) error {
	v, body, err := c.openAs(k, "", frame)
	if err != nil {
		return err
	}
	if err := decodeAll(v, body, into, opts...); err != nil {
		return fmt.Errorf("%s: %w", v.name(), err)
	}
	return nil
}
