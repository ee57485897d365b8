package traces

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"recount/internal/es"
	"recount/internal/ingest"
)

// Requests follows requests over HTTP; nil where nothing is followed.
func (t *Traces) Requests() ingest.Tracer {
	if t == nil {
		return nil
	}
	return requests{t}
}

type requests struct{ *Traces }

// Follow begins the span of a request: a part of its caller's trace, or of one of its own.
func (t requests) Follow(r *http.Request, began time.Time) ingest.Trail {
	ctx := t.w3c.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	ctx, span := t.tracer.Start(ctx, r.Method+" "+r.Pattern, trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(began))
	if !span.IsRecording() {
		return nil
	}
	span.SetAttributes(attribute.String("http.request.method", r.Method), attribute.String("http.route", r.Pattern))
	return request{ctx, span}
}

type request struct {
	ctx  context.Context
	span trace.Span
}

// Context has what is done for the request be a part of its trace.
func (r request) Context() context.Context { return r.ctx }

// Asked says which command the request is about.
func (r request) Asked(command string, key ingest.CommandKey, correlation string) {
	var a attributes
	a.text(attrContext, key.Context)
	a.text(attrAggregate, key.Aggregate)
	a.text(attrAggregateID, key.ID)
	a.text(attrCommand, command)
	a.text(attrCommandID, key.CommandID)
	a.text(attrCorrelation, correlation)
	r.span.SetAttributes(a...)
}

// Told says what the caller was told of the command.
func (r request) Told(o es.Outcome, code string) {
	var a attributes
	a.outcome(o, code)
	r.span.SetAttributes(a...)
}

// Answered ends the span. A status of 0: the caller left before there was an answer.
func (r request) Answered(status int) {
	if status > 0 {
		r.span.SetAttributes(attribute.Int("http.response.status_code", status))
	}
	if status >= http.StatusInternalServerError {
		r.span.SetStatus(codes.Error, http.StatusText(status))
	}
	r.span.End()
}
