package kafka

import (
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// SpanHeader is the header of W3C's Trace Context in which a record says what it follows from.
const SpanHeader = "traceparent"

// SpanCarrier is a record's headers as OpenTelemetry reads and writes them.
func SpanCarrier(r *Record) propagation.TextMapCarrier { return kotel.NewRecordCarrier(r) }

// publishSpans makes a span of each record that is published in a sampled one, and has the record bear it. kotel would begin
// a trace of its own for every other record, at what that costs; those belong to nobody, and stay as they are.
type publishSpans struct{ *kotel.Tracer }

var (
	_ kgo.HookProduceRecordBuffered   = publishSpans{}
	_ kgo.HookProduceRecordUnbuffered = publishSpans{}
)

func newPublishSpans(provider trace.TracerProvider, clientID string) publishSpans {
	return publishSpans{kotel.NewTracer(
		kotel.TracerProvider(provider), kotel.TracerPropagator(propagation.TraceContext{}), kotel.ClientID(clientID))}
}

// OnProduceRecordBuffered begins the span.
func (s publishSpans) OnProduceRecordBuffered(r *Record) {
	if trace.SpanContextFromContext(r.Context).IsSampled() {
		s.Tracer.OnProduceRecordBuffered(r)
	}
}

// OnProduceRecordUnbuffered ends it, if there is one.
func (s publishSpans) OnProduceRecordUnbuffered(r *Record, err error) {
	if trace.SpanContextFromContext(r.Context).IsSampled() {
		s.Tracer.OnProduceRecordUnbuffered(r, err)
	}
}
