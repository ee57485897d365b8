package serde

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"recount/internal/es"
)

// EventSchema names a version of an event's schema, wherever it is registered: an ID is one registry's own.
type EventSchema struct {
	Record  string `json:"record"` // bank.account.FundsDeposited
	Version int    `json:"version"`
}

// String names it for people.
func (s EventSchema) String() string { return fmt.Sprintf("%s version %d", s.Record, s.Version) }

// EventSchemaText is a schema as it is registered: nothing outside is needed to read it.
type EventSchemaText struct {
	EventSchema
	Fingerprint es.Hash // what chains know it by
	Text        string
}

// EventSchemas returns every version of every event, in the order of their names.
func (c *Codec) EventSchemas() (out []EventSchemaText) {
	for _, r := range c.catalog.records {
		for _, v := range r.versions {
			if r.kind == event {
				out = append(out, EventSchemaText{EventSchema{r.name, v.number}, v.fingerprint, v.text})
			}
		}
	}
	slices.SortFunc(out, func(a, b EventSchemaText) int {
		return cmp.Or(strings.Compare(a.Record, b.Record), cmp.Compare(a.Version, b.Version))
	})
	return out
}

// Unframe takes an event's frame apart: what it was written with, and its body, which is part of frame. An event of a
// schema that is none of this program's is an error: what it does not know, it can't promise to bring back.
func (c *Codec) Unframe(frame []byte) (EventSchema, []byte, error) {
	v, body, err := c.open(frame)
	if err != nil {
		return EventSchema{}, nil, err
	}
	if v.record == nil || v.record.kind != event || v.number == 0 {
		return EventSchema{}, nil, fmt.Errorf("%s is no event's schema of this program: use the newer one that wrote it", v.name())
	}
	return EventSchema{v.record.name, v.number}, body, nil
}

// AppendFrame appends the frame of a body that was written with a schema, under the ID that it has here.
func (c *Codec) AppendFrame(dst []byte, s EventSchema, body []byte) ([]byte, error) {
	id, ok := c.events[s]
	if !ok {
		return dst, fmt.Errorf("this program has no %s: use the one that wrote it, or a newer one", s)
	}
	return append(appendHeader(dst, id), body...), nil
}
