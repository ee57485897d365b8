package serde

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
)

// Recorded reads a record of one of context's streams for the views: an event, lifted to its newest version; a refusal;
// or a dead letter, whose value is left as it is. The record's JSON is made when it is asked for.
//
// Its strings are part of value, which must not change for as long as they are used: rows made of them live until they are
// inserted, and a copy of every record would cost more than to keep those of one insert.
func (c *Codec) Recorded(context string, stream es.Stream, partition int32, offset, timestampMillis int64, key, value []byte, headers []engine.Header) (es.Recorded, error) {
	r := es.Recorded{Context: context, Partition: partition, Offset: offset, Timestamp: timestampMillis}
	var err error
	switch stream {
	case es.FromEvents, es.FromProcesses:
		err = c.context(context).recordedEvent(&r, value)
	case es.FromRefusals:
		err = c.context(context).recordedRefusal(&r, value)
	case es.FromDeadLetters:
		err = recordedDeadLetter(&r, key, value, headers)
	default:
		err = fmt.Errorf("no view can be mapped from %q: use %s, %s, %s or %s", stream, es.FromEvents, es.FromProcesses, es.FromRefusals, es.FromDeadLetters)
	}
	if err != nil {
		return es.Recorded{}, fmt.Errorf("%s.%s/%d@%d: %w", context, stream, partition, offset, err)
	}
	return r, nil
}

func (c *contextCodec) recordedEvent(r *es.Recorded, value []byte) error {
	e, data, err := c.decodeEvent(value, (*binding).decodeLent)
	if err != nil {
		return err
	}
	r.Meta, r.Aggregate, r.Type, r.SchemaVersion, r.Event = e.Meta, e.Aggregate.Name(), e.Type, e.SchemaVersion, e.Body
	r.JSON = data.json
	return nil
}

func (c *contextCodec) recordedRefusal(r *es.Recorded, value []byte) error {
	r.Refusal = &es.Rejection{}
	data, err := c.decodeRefusal(value, &r.Meta, r.Refusal)
	if err != nil {
		return err
	}
	r.Aggregate, r.Type, r.SchemaVersion = commandAggregate(r.Refusal.Command), "Refusal", data.version.number
	r.JSON = data.json
	return nil
}

var errNoJSON = errors.New("a dead letter's bytes are as they came: they have no JSON")

func recordedDeadLetter(r *es.Recorded, key, value []byte, headers []engine.Header) error {
	d := &es.DeadLetter{Key: key, Value: value}
	var faults []error
	for _, h := range headers {
		switch text := string(h.Value); h.Key {
		case engine.HeaderReason:
			d.Reason = text
		case engine.HeaderDetail:
			d.Detail = text
		case engine.HeaderOrigin:
			faults = append(faults, parseOrigin(text, &d.Origin))
		case engine.HeaderTopicID:
			faults = append(faults, parseID(text, &d.Origin.Incarnation))
		}
	}
	if d.Reason == "" || d.Origin.Topic == "" {
		faults = append(faults, fmt.Errorf("not a dead letter: it needs the headers %s and %s", engine.HeaderReason, engine.HeaderOrigin))
	}
	r.DeadLetter = d
	r.JSON = func() (string, error) { return "", errNoJSON }
	return errors.Join(faults...)
}

// parseOrigin reads "topic/partition@offset".
func parseOrigin(text string, into *es.Source) error {
	topic, place, ok := strings.Cut(text, "/")
	partition, offset, ok2 := strings.Cut(place, "@")
	p, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	if !ok || !ok2 || topic == "" || err != nil || err2 != nil {
		return fmt.Errorf("header %s is %q, and should be topic/partition@offset", engine.HeaderOrigin, shorten(text))
	}
	into.Topic, into.Partition, into.Offset = topic, int32(p), o
	return nil
}

// parseID reads the form of a UUID that es.ID prints.
func parseID(text string, into *es.ID) error {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(into) {
		return fmt.Errorf("header %s is %q, and should be a UUID", engine.HeaderTopicID, shorten(text))
	}
	copy(into[:], raw)
	return nil
}
