package clickhouse_test

import (
	"strings"
	"testing"

	"recount/internal/es"
)

func testAudit(t *testing.T, db *database) {
	source := es.Source{Topic: "bank.commands", Incarnation: es.ID{1, 2, 3, 15: 16}, Partition: 3, Offset: 77}
	meta := es.Meta{
		Chain: es.Hash{0xab, 31: 0xcd}, EventID: es.ID{0xe0, 15: 0x0e}, AggregateID: "acct-1", Version: 7,
		CommandID: "c-7", CorrelationID: "order-1", CausationID: "c-6", Actor: "teller", Source: source, CommandHash: -5,
		ValidAt: millis(t, "2026-03-01 00:00:00") + 1, RecordedAt: millis(t, "2026-03-02 00:00:00") + 2,
	}
	at := es.Recorded{Context: "bank", Partition: 3, Offset: 1234, Timestamp: millis(t, "2026-03-03 00:00:00"), Aggregate: "account", Meta: meta}

	event := at
	event.Type, event.SchemaVersion = "FundsDeposited", 2
	event.JSON = func() (string, error) { return `{"amount":1999,"reference":"tab\there"}`, nil }
	db.project(t, "events", event)
	db.expect(t, "SELECT * FROM events FORMAT CSV",
		`"bank","bank/3@1234",3,1234,"account","acct-1",7,"FundsDeposited",2,"e0000000-0000-0000-0000-00000000000e",`+
			`"c-7","order-1","c-6","teller","bank.commands","01020300-0000-0000-0000-000000000010",3,77,-5,`+
			`"2026-03-01 00:00:00.001","2026-03-02 00:00:00.002","ab`+strings.Repeat("0", 60)+`cd","{""amount"":1999,""reference"":""tab\there""}"`)

	refusal := at
	refusal.Refusal = &es.Rejection{Command: "bank.account.withdraw", Outcome: es.Refused, Code: "account/frozen", Detail: "no"}
	db.project(t, "refusals", refusal)
	db.expect(t, "SELECT * FROM refusals FORMAT CSV",
		`"bank","bank/3@1234",3,1234,"account","acct-1",7,"bank.account.withdraw","refused","account/frozen","no",`+
			`"c-7","order-1","c-6","teller","bank.commands","01020300-0000-0000-0000-000000000010",3,77,-5,`+
			`"2026-03-01 00:00:00.001","2026-03-02 00:00:00.002"`)

	letter := at
	letter.DeadLetter = &es.DeadLetter{Key: []byte("acct-1"), Value: []byte{0, 0xff, '"', '\n'}, Reason: "undecodable", Detail: "short", Origin: source}
	db.project(t, "dead_letters", letter)
	db.expect(t, "SELECT * EXCEPT value, hex(value) FROM dead_letters FORMAT CSV",
		`"bank","bank/3@1234",3,1234,"undecodable","short","acct-1","bank.commands","01020300-0000-0000-0000-000000000010",3,77,`+
			`"2026-03-03 00:00:00.000","00FF220A"`)

	// An event that a view could not map is there as well, wherever it stands; what waits behind it is not.
	db.exec(t, `INSERT INTO parked_rows (view, generation, context, partition, offset, change, state, stream, aggregate, aggregate_id, version, event_type, cause, key, value, recorded_at)
		VALUES ('customers', 2, 'bank', 3, 1300, 0, 'parked', 'events', 'account', 'acct-1', 8, 'Renamed', 'no such field', 'account/acct-1/8', unhex('00ff'), '2026-03-04 00:00:00'),
			('customers', 2, 'bank', 3, 1300, 1, 'discarded', 'events', 'account', 'acct-1', 8, 'Renamed', 'no such field', 'account/acct-1/8', unhex('00ff'), '2026-03-04 00:00:00'),
			('customers', 2, 'bank', 3, 1301, 0, 'parked', 'events', 'account', 'acct-1', 9, 'Renamed', '', '', '', '2026-03-04 00:00:01')`)
	db.expect(t, "SELECT * EXCEPT value, hex(value) FROM dead_letters WHERE reason = 'unmappable' FORMAT CSV",
		`"bank","bank/3@1300",3,1300,"unmappable","view customers, generation 2, discarded: no such field","account/acct-1/8","bank.events",`+
			`"00000000-0000-0000-0000-000000000000",3,1300,"2026-03-04 00:00:00.000","00FF"`)
	db.expect(t, "SELECT position, state, version FROM parked ORDER BY offset FORMAT CSV", "\"bank/3@1300\",\"discarded\",8\n\"bank/3@1301\",\"parked\",9")

	// Keywords as names of columns need no quotes.
	db.expect(t, "SELECT partition, offset FROM events WHERE partition = 3 AND offset >= 1 ORDER BY partition, offset LIMIT 1", "3 1234")
}

func testCommandLookup(t *testing.T, db *database) {
	event := es.Recorded{Context: "bank", Aggregate: "account", Type: "AccountClosed", JSON: func() (string, error) { return "{}", nil }}
	event.Meta.AggregateID, event.Meta.CommandID = "acct-1", "c-1"
	db.project(t, "events", event)
	event.Refusal = &es.Rejection{}
	db.project(t, "refusals", event)
	for _, view := range []string{"events", "refusals"} {
		for _, index := range []string{"aggregate_id", "command_id"} {
			got := db.query(t, "EXPLAIN indexes = 1 SELECT version FROM "+view+" WHERE "+index+" = 'nobody' FORMAT TSVRaw")
			if !strings.Contains(got, "Name: "+index) || !strings.Contains(got, "Granules: 0/1") {
				t.Errorf("%s by %s reads what it need not:\n%s", view, index, got)
			}
		}
		got := db.query(t, "EXPLAIN indexes = 1 SELECT version FROM "+view+" WHERE actor = 'nobody' FORMAT TSVRaw")
		if strings.Contains(got, "Granules: 0/1") {
			t.Errorf("%s by actor has an index that nobody made:\n%s", view, got)
		}
	}
}
