package traces

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"recount/internal/engine"
	"recount/internal/kafka"
)

// follows returns the context of the span that r follows from, or nil: r bears no sampled one, or is so old that it is
// read once more rather than now.
func (t *Traces) follows(r *kafka.Record) context.Context {
	if !sampled(r.Headers) || t.cfg.AgeMax > 0 && time.Since(r.Timestamp) > t.cfg.AgeMax {
		return nil
	}
	ctx := t.w3c.Extract(context.Background(), kafka.SpanCarrier(r))
	if !trace.SpanContextFromContext(ctx).IsSampled() {
		return nil
	}
	return ctx
}

// What a traceparent looks like, version 00: 00-<trace ID: 32 digits>-<span ID: 16>-<flags: 2>.
const (
	flagsAt     = 53
	flagSampled = 1
)

// sampled says whether headers bear the traceparent of a span that is sampled, as far as its flags tell. It is asked of
// every record, and allocates nothing.
func sampled(headers []kafka.Header) bool {
	for i := range headers {
		if headers[i].Key != kafka.SpanHeader {
			continue
		}
		v := headers[i].Value
		if len(v) < flagsAt+2 {
			return false
		}
		d := v[flagsAt+1]
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'a' <= d && d <= 'f':
			d -= 'a' - 10
		default:
			return false
		}
		return d&flagSampled != 0
	}
	return false
}

// headers is a carrier of what goes on with a record.
type headers []engine.Header

func (h *headers) Get(string) string { return "" }
func (h *headers) Keys() []string    { return nil }
func (h *headers) Set(key, value string) {
	*h = append(*h, engine.Header{Key: key, Value: []byte(value)})
}

// kept is a string that may be part of a record, for a span that outlives it.
func kept(s string) string { return strings.Clone(s) }
