package projector

import (
	"context"
	"fmt"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
)

// Source is one stream of a context, and how its records are read.
type Source struct {
	Context string
	Stream  es.Stream
	Codec   Codec
}

// Topic is the topic of the stream.
func (s Source) Topic() string { return s.Context + "." + string(s.Stream) }

// Decode reads a record, after asking the registry for a schema that a newer producer wrote it with. What may pass by
// itself is an error that kafka.Rejoin made; any other is for a person.
func (s Source) Decode(ctx context.Context, rec *kafka.Record) (es.Recorded, error) {
	if s.Stream != es.FromDeadLetters { // whose values are whatever somebody sent
		if id, unknown := s.Codec.Unknown(rec.Value); unknown {
			if err := s.Codec.Learn(ctx, id); err != nil {
				return es.Recorded{}, kafka.Rejoin(fmt.Errorf("learning schema %d of %s: %w", id, s.place(rec.Partition, rec.Offset), err))
			}
		}
	}
	headers := make([]engine.Header, len(rec.Headers))
	for i, h := range rec.Headers {
		headers[i] = engine.Header(h)
	}
	recorded, err := s.Codec.Recorded(s.Context, s.Stream, rec.Partition, rec.Offset, rec.Timestamp.UnixMilli(), rec.Key, rec.Value, headers)
	if err != nil {
		return recorded, fmt.Errorf("decoding the record at %s: %w: only Recount writes this topic, so find out what wrote it; "+
			"the view waits here", s.place(rec.Partition, rec.Offset), err)
	}
	return recorded, nil
}

// Map appends the record's rows in a view. A mapping that panics has failed, and says so like any other.
func (s Source) Map(view es.View, rows *es.Rows, r es.Recorded) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
		if err != nil {
			err = fmt.Errorf("mapping %s version %d of %s %q at %s: %w: mend the mapping; the view waits here",
				r.Type, r.Meta.Version, r.Aggregate, r.Meta.AggregateID, s.place(r.Partition, r.Offset), err)
		}
	}()
	return view.Map(r, rows)
}

func (s Source) place(partition int32, offset int64) string {
	return fmt.Sprintf("%s/%d@%d", s.Topic(), partition, offset)
}

// RecordedAt is when a record was recorded, in Unix milliseconds.
func RecordedAt(r es.Recorded) int64 {
	if r.Meta.RecordedAt == 0 {
		return r.Timestamp // a dead letter has no other time
	}
	return r.Meta.RecordedAt
}
