package serde

import (
	"encoding/binary"
	"errors"
	"fmt"

	"recount/internal/engine"
	"recount/internal/es"
)

// HeaderBytes is the length of what precedes a frame's body.
const HeaderBytes = 5

const magic = 0

var errNoFrame = errors.New("not a frame: it must begin with a zero byte and a schema ID of four bytes")

func appendHeader(dst []byte, id uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, magic), id)
}

func splitFrame(frame []byte) (id uint32, body []byte, err error) {
	if len(frame) < HeaderBytes || frame[0] != magic {
		return 0, nil, errNoFrame
	}
	return binary.BigEndian.Uint32(frame[1:HeaderBytes]), frame[HeaderBytes:], nil
}

// open finds the schema a frame was written with, and its body.
func (c *Codec) open(frame []byte) (*version, []byte, error) {
	id, body, err := splitFrame(frame)
	if err != nil {
		return nil, nil, err
	}
	v, ok := c.versions()[id]
	if !ok {
		return nil, nil, fmt.Errorf("schema ID %d: %w", id, engine.ErrUnknownSchema)
	}
	return v, body, nil
}

// openAs is open for a record of one kind, and of one context where the kind has such.
func (c *Codec) openAs(k kind, context string, frame []byte) (*version, []byte, error) {
	v, body, err := c.open(frame)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case v.record == nil:
		return nil, nil, fmt.Errorf("not %s: %w", k.in(context), v.unreadable)
	case v.record.kind != k || v.record.context != context:
		return nil, nil, fmt.Errorf("%s is not %s", v.name(), k.in(context))
	}
	return v, body, v.unreadable
}

// Fingerprint returns what an aggregate's chain knows the schema of frame by: whoever has it, the chain before and the
// body can check the frame's own chain with [engine.Link].
func (c *Codec) Fingerprint(frame []byte) (es.Hash, error) {
	v, _, err := c.open(frame)
	if err != nil {
		return es.Hash{}, err
	}
	return v.fingerprint, nil
}
