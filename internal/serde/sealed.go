package serde

import (
	"fmt"

	"recount/internal/engine"
	"recount/internal/es"
)

// Open reads of an event's frame what its link is checked by: into e its type and meta, whose strings are part of frame,
// and besides its schema's fingerprint and its body. What follows the meta is not looked at. It writes to e alone.
type Open func(frame []byte, e *engine.Event) (schema es.Hash, body []byte, err error)

// Opener returns the Open of the events that belong into one stream of a context, "events" or "processes". A record of
// another stream, or of another kind, is an error. It panics if no context is called name.
func (c *Codec) Opener(name, stream string) Open {
	ctx := c.context(name)
	return func(frame []byte, e *engine.Event) (es.Hash, []byte, error) {
		v, body, err := ctx.openAs(event, name, frame)
		if err != nil {
			return es.Hash{}, nil, err
		}
		if home := v.record.home(); home != stream {
			return es.Hash{}, nil, fmt.Errorf("%s belongs into %s.%s", v.name(), name, home)
		}
		e.Aggregate, e.Type, e.SchemaVersion = v.record.aggregate, v.record.wire, v.number
		if _, err := v.eventMeta(body, &e.Meta); err != nil {
			return es.Hash{}, nil, fmt.Errorf("%s: its meta: %w", v.name(), err)
		}
		return v.fingerprint, body, nil
	}
}
