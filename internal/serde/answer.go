package serde

import (
	"fmt"

	"github.com/twmb/avro"

	"recount/internal/engine"
	"recount/internal/es"
)

// refusalData is what follows the meta of a refusal.
type refusalData struct {
	Command string     `avro:"command"`
	Outcome es.Outcome `avro:"outcome"`
	Code    string     `avro:"code"`
	Detail  string     `avro:"detail"`
}

// AppendRefusal appends the frame of an outcome that left no event.
func (c *contextCodec) AppendRefusal(dst []byte, meta *es.Meta, r *es.Rejection) ([]byte, error) {
	v := c.catalog.refusal.newest()
	out, err := v.data.AppendEncode(appendEventMeta(appendHeader(dst, c.own.refusal), meta), (*refusalData)(r))
	if err != nil {
		return dst, fmt.Errorf("%s: %w", refusalName, err)
	}
	return out, nil
}

// DecodeRefusal also returns the type name of the aggregate that was commanded, "" where the command is not known.
func (c *contextCodec) DecodeRefusal(value []byte) (meta es.Meta, r es.Rejection, aggregate string, err error) {
	_, err = c.decodeRefusal(value, &meta, &r)
	if err != nil {
		return es.Meta{}, es.Rejection{}, "", err
	}
	return meta, r, commandAggregate(r.Command), nil
}

// decodeRefusal also returns the data as it was written.
func (c *contextCodec) decodeRefusal(value []byte, meta *es.Meta, r *es.Rejection) (writtenData, error) {
	v, body, err := c.openAs(refusal, "", value)
	if err != nil {
		return writtenData{}, err
	}
	data, err := v.eventMeta(body, meta)
	if err == nil {
		err = decodeAll(v, data, (*refusalData)(r))
	}
	if err != nil {
		return writtenData{}, fmt.Errorf("%s: %w", v.name(), err)
	}
	return writtenData{v, data}, nil
}

// outcomeData is what follows the meta of an inbox record.
type outcomeData struct {
	Command   string     `avro:"command"`
	Outcome   es.Outcome `avro:"outcome"`
	Code      string     `avro:"code"`
	Detail    string     `avro:"detail"`
	Version   int64      `avro:"version"`
	Duplicate bool       `avro:"duplicate"`
}

// AppendOutcome appends the frame of an inbox record.
func (c *contextCodec) AppendOutcome(dst []byte, a *engine.Answer) ([]byte, error) {
	v := c.catalog.outcome.newest()
	out := appendCommandMeta(appendHeader(dst, c.outcomeID), &a.Meta)
	out, err := v.data.AppendEncode(out, &outcomeData{a.Command, a.Outcome, a.Code, a.Detail, a.Version, a.Duplicate})
	if err != nil {
		return dst, fmt.Errorf("%s: %w", outcomeName, err)
	}
	return out, nil
}

// DecodeOutcome reads an inbox record: how a process's command ended. The strings of its meta are part of frame.
func (c *Codec) DecodeOutcome(frame []byte) (engine.Answer, error) {
	v, body, err := c.openAs(outcome, "", frame)
	if err != nil {
		return engine.Answer{}, err
	}
	a, d := engine.Answer{}, outcomeData{}
	data, err := v.commandMeta(body, &a.Meta)
	if err == nil {
		err = decodeAll(v, data, &d)
	}
	if err != nil {
		return engine.Answer{}, fmt.Errorf("%s: %w", v.name(), err)
	}
	a.Command, a.Outcome, a.Code, a.Detail, a.Version, a.Duplicate = d.Command, d.Outcome, d.Code, d.Detail, d.Version, d.Duplicate
	return a, nil
}

// Reply is the answer to a caller who waits.
type Reply struct {
	CommandID   string     `avro:"command_id"`
	AggregateID string     `avro:"aggregate_id"`
	Command     string     `avro:"command"` // wire name
	Outcome     es.Outcome `avro:"outcome"`
	Code        string     `avro:"code"`
	Detail      string     `avro:"detail"`
	// Version is the aggregate's version afterwards.
	Version   int64 `avro:"version"`
	Duplicate bool  `avro:"duplicate"`
	// Position is "context/partition@offset" of the last event; "" where there is none to name.
	Position string `avro:"position"`
	// Events are the events' frames.
	Events [][]byte `avro:"events"`
}

// AppendReply appends the frame of r.
func (c *Codec) AppendReply(dst []byte, r *Reply) ([]byte, error) {
	out, err := c.catalog.reply.newest().data.AppendEncode(appendHeader(dst, c.replyID), r)
	if err != nil {
		return dst, fmt.Errorf("%s: %w", replyName, err)
	}
	return out, nil
}

// DecodeReply reads a reply.
func (c *Codec) DecodeReply(frame []byte) (Reply, error) {
	v, body, err := c.openAs(reply, "", frame)
	if err != nil {
		return Reply{}, err
	}
	var r Reply
	if err := decodeAll(v, body, &r); err != nil {
		return Reply{}, fmt.Errorf("%s: %w", v.name(), err)
	}
	return r, nil
}

// decodeAll reads data, all of it, into the value that into points to.
func decodeAll(v *version, data []byte, into any, opts ...avro.Opt) error {
	rest, err := v.readData.Decode(data, into, opts...)
	if err == nil && len(rest) > 0 {
		err = trailingError(len(rest))
	}
	return err
}

func trailingError(n int) error { return fmt.Errorf("%d bytes follow the value", n) }
