package traces

import (
	"go.opentelemetry.io/otel/attribute"

	"recount/internal/es"
)

// Names of attributes that are Recount's own. docs/traces.md explains them.
const (
	attrContext     = "recount.context"
	attrAggregate   = "recount.aggregate"
	attrAggregateID = "recount.aggregate_id"
	attrCommand     = "recount.command"
	attrCommandID   = "recount.command_id"
	attrCorrelation = "recount.correlation_id"
	attrOutcome     = "recount.outcome"
	attrCode        = "recount.code"
	attrVersion     = "recount.version"
	attrEvents      = "recount.events"
	attrDuplicate   = "recount.duplicate"
	attrSaga        = "recount.saga"
	attrInput       = "recount.input"
	attrSource      = "recount.source"
	attrPosition    = "recount.position"
	attrBatch       = "recount.batch_commands"
	attrView        = "recount.view"
	attrGeneration  = "recount.generation"
	attrRecord      = "recount.record"
	attrRange       = "recount.range_records"
	attrRows        = "recount.range_rows"
	attrAgain       = "recount.again"
)

// attributes are a span's in the making: empty texts are left out.
type attributes []attribute.KeyValue

func (a *attributes) text(key, value string) {
	if value != "" {
		*a = append(*a, attribute.String(key, kept(value)))
	}
}

func (a *attributes) number(key string, value int64) { *a = append(*a, attribute.Int64(key, value)) }

func (a *attributes) flag(key string, value bool) { *a = append(*a, attribute.Bool(key, value)) }

// outcome is how a command ended.
func (a *attributes) outcome(o es.Outcome, code string) {
	a.text(attrOutcome, string(o))
	a.text(attrCode, code)
}
