package serde

import (
	"sync"

	"github.com/twmb/avro"

	"recount/internal/es"
)

// eventMeta is es.Meta as it is written. twmb/avro allocates for each array it writes as a fixed, and not for a slice:
// the arrays are written through slices of themselves.
type eventMeta struct {
	Chain         []byte      `avro:"chain"`
	EventID       []byte      `avro:"event_id"`
	AggregateID   string      `avro:"aggregate_id"`
	Version       int64       `avro:"version"`
	CommandID     string      `avro:"command_id"`
	CorrelationID string      `avro:"correlation_id"`
	CausationID   string      `avro:"causation_id"`
	Actor         string      `avro:"actor"`
	Source        eventSource `avro:"source"`
	CommandHash   int64       `avro:"command_hash"`
	ValidAt       int64       `avro:"valid_at"`
	RecordedAt    int64       `avro:"recorded_at"`
}

type eventSource struct {
	Topic       string `avro:"topic"`
	Incarnation []byte `avro:"incarnation"`
	Partition   int32  `avro:"partition"`
	Offset      int64  `avro:"offset"`
}

// metaWriter writes the meta of events and refusals without allocating.
type metaWriter struct{ pool sync.Pool }

func newMetaWriter() *metaWriter {
	return &metaWriter{sync.Pool{New: func() any { return new(eventMeta) }}}
}

func (w *metaWriter) append(dst []byte, s *avro.Schema, m *es.Meta) ([]byte, error) {
	x := w.pool.Get().(*eventMeta)
	defer w.pool.Put(x)
	*x = eventMeta{
		Chain: m.Chain[:], EventID: m.EventID[:], AggregateID: m.AggregateID, Version: m.Version,
		CommandID: m.CommandID, CorrelationID: m.CorrelationID, CausationID: m.CausationID, Actor: m.Actor,
		Source:      eventSource{m.Source.Topic, m.Source.Incarnation[:], m.Source.Partition, m.Source.Offset},
		CommandHash: m.CommandHash, ValidAt: m.ValidAt, RecordedAt: m.RecordedAt,
	}
	out, err := s.AppendEncode(dst, x)
	*x = eventMeta{} // what it pointed to must not be kept alive
	return out, err
}
