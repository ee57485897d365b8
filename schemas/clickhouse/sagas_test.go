package clickhouse_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"recount/domain/bank/transfer"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

func testTransfers(t *testing.T, db *database) {
	first, second, third := newTransfer("t-1"), newTransfer("t-2"), newTransfer("t-3")
	ask := transfer.Request{From: "acct-1", To: "acct-2", Amount: 70, Currency: "EUR", Reference: "rent"}
	db.project(t, "transfers",
		first.do(t, "2026-03-01 00:00:00", ask), second.do(t, "2026-03-02 00:00:00", ask), third.do(t, "2026-03-03 00:00:00", ask),
		second.do(t, "2026-03-02 00:00:00", transfer.Fail{Code: "account/closed", Step: "deposit"}),
		first.do(t, "2026-03-01 00:00:00", transfer.Complete{}))
	db.expect(t, "SELECT * EXCEPT correlation_id FROM transfers ORDER BY transfer_id FORMAT CSV",
		`"t-1","completed","acct-1","acct-2",70,"EUR","rent","","",2,"2026-03-01 00:00:00.000","2026-06-01 00:00:01.000","2026-06-01 00:00:02.000","bank/3@102"`,
		`"t-2","failed","acct-1","acct-2",70,"EUR","rent","account/closed","deposit",2,"2026-03-02 00:00:00.000","2026-06-01 00:00:01.000","2026-06-01 00:00:02.000","bank/3@102"`,
		`"t-3","requested","acct-1","acct-2",70,"EUR","rent","","",1,"2026-03-03 00:00:00.000","2026-06-01 00:00:01.000","2299-12-31 23:59:59.999","bank/3@101"`)
	reaches(t, db, "transfers", "transfer_id")
}

// reaches says whether a condition on key of a view reads one range, and not everything.
func reaches(t *testing.T, db *database, view, key string) {
	t.Helper()
	condition, plan := fmt.Sprintf("(%s in ['x', 'x'])", key), "EXPLAIN indexes = 1 SELECT * FROM "+view
	if got := db.query(t, plan+" WHERE "+key+" = 'x' FORMAT TSVRaw"); !strings.Contains(got, condition) {
		t.Errorf("%s reads everything:\n%s", view, got)
	}
	if got := db.query(t, plan+" FORMAT TSVRaw"); strings.Contains(got, condition) {
		t.Errorf("%s without a condition has one:\n%s", view, got)
	}
}

// life is an instance of a saga to which whatever comes, comes.
type life struct {
	*estest.Instance
	process es.Process
	id      string
}

func newLife(id string) *life {
	p := transfer.Saga()
	return &life{estest.NewInstance(p, "bank/"+p.Name()+"/"+id), p, id}
}

// live gives it the event that starts it, and then n inputs that may come, or come to nothing.
func (l *life) live(rng *rand.Rand, n int) {
	_ = l.Take(es.Happened{Aggregate: "transfer", Type: "TransferRequested", Event: transfer.TransferRequested{From: "a", To: "b", Amount: 1, Currency: "EUR"}})
	for range n {
		var what es.Occurrence
		switch k := rng.IntN(12); {
		case k == 0 && len(l.Timers()) > 0:
			what = es.Elapsed{Timer: l.Timers()[rng.IntN(len(l.Timers()))]}
		case k == 1:
			what = es.Ordered{Order: []es.Order{es.OrderRetry, es.OrderCompensate}[rng.IntN(2)], Actor: "operator"}
		default:
			outcome := []es.Outcome{es.Accepted, es.Accepted, es.Refused, es.Failed}[rng.IntN(4)]
			what = es.Answered{CommandID: l.Sent[len(l.Sent)-1].CommandID, Outcome: outcome, Code: map[bool]string{true: "why"}[outcome != es.Accepted]}
		}
		_ = l.Take(what) // a refusal is an answer too
	}
}

// records are its history as a projector reads it.
func (l *life) records(t *testing.T) (out []es.Recorded) {
	for i, event := range l.History {
		version := int64(i + 1)
		out = append(out, es.Recorded{
			Context: "bank", Partition: 3, Offset: 100 + version, Aggregate: l.process.Name(), Type: estest.WireName(l.process, event), Event: event,
			Meta: es.Meta{AggregateID: l.id, Version: version, RecordedAt: millis(t, recordingBegins) + 1000*version},
		})
	}
	return out
}

// testSagaInstances compares what the view says of many instances with what their own machine does.
func testSagaInstances(t *testing.T, db *database) {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := es.NewRows(db.views["saga_instances"].Tables...)
	var want []string
	seen := map[string]bool{}
	for i := range 400 {
		l := newLife(fmt.Sprintf("t-%03d", i))
		l.live(rng, rng.IntN(30))
		for _, r := range l.records(t) {
			if err := db.views["saga_instances"].Map(r, rows); err != nil {
				t.Fatal(err)
			}
		}
		s := l.process.Standing(l.State)
		steps := strings.Split(s.Step, ", ")
		slices.Sort(steps)
		seen[s.Phase] = true
		want = append(want, strings.TrimRight(fmt.Sprintf("%s %s %t %t %d %s", l.id, s.Phase, s.Ended, s.Stuck, len(l.History), strings.Join(steps, ", ")), " "))
	}
	for _, p := range []saga.Phase{saga.Running, saga.Compensating, saga.StuckForward, saga.StuckBack, saga.IsCompleted, saga.IsUndone} {
		if !seen[string(p)] {
			t.Errorf("no life comes to %q: this shows too little", p)
		}
	}
	for table, all := range rows.Each {
		db.insert(t, table, all, "")
	}
	got := strings.Split(db.query(t, `SELECT trimRight(concat(instance_id, ' ', state, ' ', if(ended, 'true', 'false'), ' ', if(stuck, 'true', 'false'), ' ',
		toString(version), ' ', arrayStringConcat(arraySort(splitByString(', ', step)), ', '))) FROM saga_instances ORDER BY instance_id`), "\n")
	if len(got) != len(want) {
		t.Fatalf("%d instances, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%s, want %s", got[i], want[i])
		}
	}
	db.expect(t, `SELECT countIf(stuck AND (code != 'why' OR failed_step = '')), countIf(state = 'completed' AND age_seconds != version - 1),
		countIf(NOT ended AND age_seconds < 1) FROM saga_instances`, "0 0 0")
	db.expect(t, "SELECT version, event_type, state, step, leg_state, target, position FROM saga_history WHERE instance_id = 't-000' AND version <= 3 ORDER BY version FORMAT CSV",
		`1,"Started","running","","","","bank/3@101"`, `2,"TimerSet","","","","","bank/3@102"`, `3,"StepRequested","","withdraw","sent","account/a","bank/3@103"`)
	for _, view := range []string{"saga_instances", "saga_history"} {
		reaches(t, db, view, "instance_id")
	}
}
