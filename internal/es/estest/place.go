package estest

import (
	"testing"

	"recount/internal/es"
)

// Place puts event at a place in the log of context, back-dated by an hour, with another value in every field.
func Place(context, name string, a es.AggregateType, id string, version int64, schema int, actor string, event any) Record {
	const march = 1772323200000 // 2026-03-01 00:00:00 UTC
	return Record{Name: name, Recorded: es.Recorded{
		Context: context, Partition: 3, Offset: 1000 + version, Timestamp: march + 1,
		Aggregate: a.Name(), Type: WireName(a, event), SchemaVersion: schema, Event: event,
		Meta: es.Meta{
			EventID: es.ID{0xe0, 15: byte(version)}, AggregateID: id, Version: version,
			CommandID: "command", CorrelationID: "correlation", CausationID: "causation", Actor: actor,
			ValidAt: march + 1000*version - 3_600_000, RecordedAt: march + 1000*version,
		},
	}}
}

// EveryEvent fails t where records lack an event of the aggregates: what a view makes of it could change unnoticed.
func EveryEvent(t *testing.T, records []Record, aggregates ...es.AggregateType) {
	t.Helper()
	seen := map[string]bool{}
	for _, r := range records {
		seen[r.Aggregate+"/"+r.Type] = true
	}
	for _, a := range aggregates {
		for name := range a.EventTypes() {
			if !seen[a.Name()+"/"+name] {
				t.Errorf("no record of %s/%s: its rows may change unnoticed", a.Name(), name)
			}
		}
	}
}
