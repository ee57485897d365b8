package kafka

import (
	"context"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// TestOnlyRecordsOfSampledSpansAreTraced publishes some for nobody, for a span that is not sampled and for one that is.
// That the last one's caller leaves does not take its record back.
func TestOnlyRecordsOfSampledSpansAreTraced(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, "bank.commands")
	cfg.ClientID = "teller"
	made := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(made), sdktrace.WithSampler(sdktrace.AlwaysSample()))
	p := newProducer(t, cfg, ProducerConfig{Spans: provider})
	gone, leave := context.WithCancel(t.Context())
	leave()
	in := func(flags trace.TraceFlags) context.Context {
		return trace.ContextWithSpanContext(gone, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: flags,
		}))
	}
	given := []Header{{Key: SpanHeader, Value: []byte("from outside")}}
	acks := make(chan ack, 3)
	for key, ctx := range map[string]context.Context{"nobody": nil, "unsampled": in(0), "sampled": in(trace.FlagsSampled)} {
		c := Command{Topic: "bank.commands", Key: []byte(key), Value: []byte("v"), Headers: append([]Header(nil), given...), Context: ctx}
		if err := p.Produce(t.Context(), c, collect(acks)); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if a := <-acks; a.err != nil {
			t.Error(a.err)
		}
	}
	spans := made.Ended()
	if len(spans) != 1 || spans[0].Name() != "bank.commands publish" || spans[0].Parent().SpanID() != (trace.SpanID{2}) || spans[0].SpanContext().TraceID() != (trace.TraceID{1}) {
		t.Fatalf("got %v", spans)
	}
	for key, r := range readAll(t, cfg, "bank.commands", 3) {
		got := string(r.Headers[0].Value)
		traced := strings.HasPrefix(got, "00-"+spans[0].SpanContext().TraceID().String()+"-"+spans[0].SpanContext().SpanID().String())
		if len(r.Headers) != 1 || traced != (key == "sampled") || !traced && got != "from outside" {
			t.Errorf("%s bears %v", key, r.Headers)
		}
	}
}
