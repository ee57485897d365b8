package serde

import (
	"fmt"
	"time"

	"recount/internal/es"
)

// EventToJSON returns an event as a JSON object: what it is, its metadata, and its data by the schema it was written
// with, oldest versions included.
//
//	{"type":"bank.account.FundsDeposited","schema_version":2,"version":8,…,"data":{"amount":1999,"currency":"EUR",…}}
func (c *Codec) EventToJSON(frame []byte) ([]byte, error) {
	v, _, err := c.open(frame)
	if err != nil {
		return nil, err
	}
	if v.record == nil || v.record.kind != event {
		return nil, fmt.Errorf("%s is not an event", v.name())
	}
	e, data, err := c.contexts[v.record.context].decodeEvent(frame, (*binding).decode)
	if err != nil {
		return nil, err
	}
	out := appendString([]byte(`{"type":`), v.record.name)
	out = fmt.Appendf(out, `,"schema_version":%d`, v.number)
	out = appendMeta(out, &e.Meta)
	if out, err = data.appendJSON(append(out, `,"data":`...)); err != nil {
		return nil, err
	}
	return append(out, '}'), nil
}

// writtenData is the data of a record as it was written, and what with. It has been decoded as the newest version.
type writtenData struct {
	version *version
	data    []byte
}

func (w writtenData) appendJSON(dst []byte) ([]byte, error) {
	if w.version.noJSON != nil {
		return dst, fmt.Errorf("%s: %w", w.version.name(), w.version.noJSON)
	}
	err := w.checkLengths()
	if err == nil {
		dst, err = w.version.json.appendData(dst, w.data)
	}
	if err != nil {
		return dst, fmt.Errorf("%s as JSON: %w", w.version.name(), err)
	}
	return dst, nil
}

// checkLengths makes sure of every length in the data. goavro reserves memory as they ask for; twmb/avro has read what
// the newest version has, but passed over what only the writer's schema has without a look inside.
func (w writtenData) checkLengths() error {
	if w.version.readData == w.version.record.newest().data {
		return nil
	}
	var all any
	_, err := w.version.data.Decode(w.data, &all)
	return err
}

// json is appendJSON, as a record for the views has it.
func (w writtenData) json() (string, error) {
	text, err := w.appendJSON(nil)
	return string(text), err
}

// appendMeta appends the members of m to an object that has members already.
func appendMeta(dst []byte, m *es.Meta) []byte {
	text := func(name, value string) {
		dst = appendString(fmt.Appendf(dst, `,"%s":`, name), value)
	}
	text("aggregate_id", m.AggregateID)
	dst = fmt.Appendf(dst, `,"version":%d`, m.Version)
	text("event_id", m.EventID.String())
	text("command_id", m.CommandID)
	text("correlation_id", m.CorrelationID)
	text("causation_id", m.CausationID)
	text("actor", m.Actor)
	dst = appendTime(append(dst, `,"valid_at":`...), timestampMillis, time.UnixMilli(m.ValidAt))
	dst = appendTime(append(dst, `,"recorded_at":`...), timestampMillis, time.UnixMilli(m.RecordedAt))
	dst = appendString(append(dst, `,"source":{"topic":`...), m.Source.Topic)
	dst = fmt.Appendf(dst, `,"partition":%d,"offset":%d}`, m.Source.Partition, m.Source.Offset)
	text("chain", m.Chain.String())
	return dst
}
