package projector

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
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
// itself is an error that kafka.Rejoin made; one that is parking.Broken concerns this event alone, whose aggregate is known
// all the same; any other is for a person.
func (s Source) Decode(ctx context.Context, rec *kafka.Record) (recorded es.Recorded, err error) {
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
	defer func() {
		if p := recover(); p != nil {
			recorded, err = s.byKey(rec, fmt.Errorf("lifting it to its newest version panicked: %v", p))
		}
	}()
	recorded, err = s.Codec.Recorded(s.Context, s.Stream, rec.Partition, rec.Offset, rec.Timestamp.UnixMilli(), rec.Key, rec.Value, headers)
	if err != nil {
		return recorded, fmt.Errorf("decoding the record at %s: %w: only Recount writes this topic, so find out what wrote it; "+
			"the view waits here", s.place(rec.Partition, rec.Offset), err)
	}
	return recorded, nil
}

// byKey tells whose event it is that an upcast could not lift, which is a mistake of this program and not of the record:
// an event's key is <type>/<aggregate ID>/<version>.
func (s Source) byKey(rec *kafka.Record, cause error) (es.Recorded, error) {
	r := es.Recorded{Context: s.Context, Partition: rec.Partition, Offset: rec.Offset, Timestamp: rec.Timestamp.UnixMilli()}
	aggregate, rest, ok := strings.Cut(string(rec.Key), "/")
	at := strings.LastIndexByte(rest, '/')
	if !ok || at <= 0 || s.Stream != es.FromEvents && s.Stream != es.FromProcesses {
		return r, fmt.Errorf("decoding the record at %s: %w; the view waits here", s.place(rec.Partition, rec.Offset), cause)
	}
	version, err := strconv.ParseInt(rest[at+1:], 10, 64)
	if err != nil {
		return r, fmt.Errorf("decoding the record at %s: %w; its key %q names no version; the view waits here", s.place(rec.Partition, rec.Offset), cause, rec.Key)
	}
	r.Aggregate, r.Meta.AggregateID, r.Meta.Version = aggregate, rest[:at], version
	return r, parking.Broken(cause)
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
