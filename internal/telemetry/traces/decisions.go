package traces

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/aggregator"
)

// Decisions follows commands, and what processes take in, for a worker; nil where nothing is followed.
func (t *Traces) Decisions() aggregator.Tracer {
	if t == nil {
		return nil
	}
	return decisions{t}
}

type decisions struct{ *Traces }

// Follow begins a decision's span, whose name is known once the record is decoded.
func (t decisions) Follow(r *kafka.Record, began time.Time) aggregator.Trail {
	from := t.follows(r)
	if from == nil {
		return nil
	}
	d := &decision{tracer: t.tracer}
	d.ctx, d.span = t.tracer.Start(from, "decide", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began))
	t.w3c.Inject(d.ctx, &d.borne)
	return d
}

// decision is the span of one decision.
type decision struct {
	tracer trace.Tracer
	ctx    context.Context
	span   trace.Span
	borne  headers
}

// Headers say that what bears them follows from the decision.
func (d *decision) Headers() []engine.Header { return d.borne }

// Committed ends the span, and adds the one of the commit. One that is never committed is never ended, and so never sent.
func (d *decision) Committed(c aggregator.Decided) {
	var a attributes
	a.text(attrContext, c.Context)
	if c.Process {
		d.span.SetName(named("step", c.Aggregate))
		a.text(attrSaga, c.Aggregate)
		a.text(attrInput, c.Command)
	} else {
		d.span.SetName(named("decide", c.Command))
		a.text(attrAggregate, c.Aggregate)
		a.text(attrCommand, c.Command)
		a.text(attrCommandID, c.Meta.CommandID)
	}
	a.text(attrAggregateID, c.Meta.AggregateID)
	correlation := c.Meta.CorrelationID
	if correlation == "" { // as in the events
		correlation = c.Meta.CommandID
	}
	a.text(attrCorrelation, correlation)
	a.outcome(c.Outcome, c.Code)
	a.number(attrVersion, c.Version)
	a.number(attrEvents, int64(c.Events))
	a.flag(attrDuplicate, c.Duplicate)
	a.text(attrSource, c.Source)
	a.text(attrPosition, c.Position)
	d.span.SetAttributes(a...)
	if c.Outcome == es.Failed {
		d.span.SetStatus(codes.Error, kept(c.Code))
	}
	d.span.End(trace.WithTimestamp(c.Decided))

	var of attributes
	of.text(attrContext, c.Context)
	of.number(attrBatch, int64(c.Commands))
	_, commit := d.tracer.Start(d.ctx, "commit", trace.WithTimestamp(c.Decided), trace.WithAttributes(of...))
	commit.End(trace.WithTimestamp(c.Committed))
}

// named is a span's name, of what could not be read the verb alone.
func named(verb, what string) string {
	if what == "" {
		return verb
	}
	return verb + " " + what
}
