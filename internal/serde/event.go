package serde

import (
	"fmt"
	"reflect"

	"github.com/twmb/avro"

	"recount/internal/engine"
	"recount/internal/es"
)

// AppendEvent appends the frame of event, with meta's chain as it is. It allocates nothing but what dst lacks.
func (c *contextCodec) AppendEvent(dst []byte, a es.AggregateType, meta *es.Meta, event any) (out []byte, body int, fingerprint es.Hash, err error) {
	w, ok := c.events[a.Name()][reflect.TypeOf(event)]
	if !ok {
		return dst, 0, es.Hash{}, fmt.Errorf("%T is not declared as an event of %s.%s", event, c.types.name, a.Name())
	}
	out = appendHeader(dst, w.id)
	body = len(out)
	if out, err = w.version.record.data.append(appendEventMeta(out, meta), w.version.data, event); err != nil {
		return dst, 0, es.Hash{}, fmt.Errorf("%s: %w", w.version.record.name, err)
	}
	return out, body, w.version.fingerprint, nil
}

// DecodeEvent reads an event's frame, lifted to the newest version.
func (c *contextCodec) DecodeEvent(value []byte) (engine.Event, error) {
	e, _, err := c.decodeEvent(value, (*binding).decode)
	return e, err
}

// decodeEvent also returns the data as it was written. decode says whose memory the body's strings lie in.
func (c *contextCodec) decodeEvent(value []byte, decode func(*binding, *avro.Schema, []byte) (any, error)) (engine.Event, writtenData, error) {
	e, written, err := c.decodeEventMeta(value)
	if err != nil {
		return engine.Event{}, writtenData{}, err
	}
	v := written.version
	if e.Body, err = decode(v.record.data, v.readData, written.data); err != nil {
		return engine.Event{}, writtenData{}, fmt.Errorf("%s: %w", v.name(), err)
	}
	e.Body = v.record.lift(v.number, e.Body)
	return e, written, nil
}

// DecodeEventMeta reads an event's frame without its body.
func (c *contextCodec) DecodeEventMeta(value []byte) (engine.Event, error) {
	e, _, err := c.decodeEventMeta(value)
	return e, err
}

// decodeEventMeta also returns the data as it was written.
func (c *contextCodec) decodeEventMeta(value []byte) (engine.Event, writtenData, error) {
	v, body, err := c.openAs(event, c.types.name, value)
	if err != nil {
		return engine.Event{}, writtenData{}, err
	}
	e := engine.Event{Aggregate: v.record.aggregate, Type: v.record.wire, SchemaVersion: v.number}
	data, err := v.eventMeta(body, &e.Meta)
	if err != nil {
		return engine.Event{}, writtenData{}, fmt.Errorf("%s: its meta: %w", v.name(), err)
	}
	return e, writtenData{v, data}, nil
}
