package traces

import (
	"time"

	"go.opentelemetry.io/otel/trace"

	"recount/internal/kafka"
	"recount/internal/worker/projector"
)

// Projections follows records into views; nil where nothing is followed.
func (t *Traces) Projections() projector.Tracer {
	if t == nil {
		return nil
	}
	return projections{t}
}

type projections struct{ *Traces }

// Follow begins the span of a record's way into a view.
func (t projections) Follow(r *kafka.Record, began time.Time) projector.Trail {
	from := t.follows(r)
	if from == nil {
		return nil
	}
	_, span := t.tracer.Start(from, "project", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithTimestamp(began))
	return projection{span}
}

type projection struct{ span trace.Span }

// Projected ends it.
func (p projection) Projected(d projector.Projected) {
	p.span.SetName(named("project", d.View))
	r := &d.Recorded
	var a attributes
	a.text(attrView, d.View)
	a.number(attrGeneration, int64(d.Generation))
	a.text(attrContext, r.Context)
	a.text(attrAggregate, r.Aggregate)
	a.text(attrAggregateID, r.Meta.AggregateID)
	a.text(attrCommandID, r.Meta.CommandID)
	a.text(attrCorrelation, r.Meta.CorrelationID)
	a.text(attrRecord, r.Type)
	a.number(attrVersion, r.Meta.Version)
	a.text(attrSource, d.Source)
	a.number(attrRange, int64(d.Records))
	a.number(attrRows, int64(d.Rows))
	a.flag(attrAgain, d.Again)
	p.span.SetAttributes(a...)
	p.span.End(trace.WithTimestamp(d.Inserted))
}
