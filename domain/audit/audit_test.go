package audit_test

import (
	"errors"
	"strings"
	"testing"

	"recount/domain"
	"recount/domain/audit"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// place has another value in every field.
func place() es.Recorded {
	return es.Recorded{
		Context: "bank", Partition: 3, Offset: 1234, Timestamp: 1772323200003,
		Aggregate: "account", Type: "FundsDeposited", SchemaVersion: 2,
		Meta: es.Meta{
			Chain: es.Hash{0xc0, 31: 0x0c}, EventID: es.ID{0xe0, 15: 0x0e}, AggregateID: "acct-1", Version: 7,
			CommandID: "command", CorrelationID: "correlation", CausationID: "causation", Actor: "teller",
			Source:      es.Source{Topic: "bank.commands", Incarnation: es.ID{0x10, 15: 0x01}, Partition: 4, Offset: 77},
			CommandHash: -5, ValidAt: 1772323200001, RecordedAt: 1772323200002,
		},
	}
}

func event() es.Recorded {
	r := place()
	r.JSON = func() (string, error) { return `{"amount":1999}`, nil }
	return r
}

func refusal(rejection es.Rejection) es.Recorded {
	r := place()
	r.Refusal = &rejection
	return r
}

// lives has one record of every event of a saga, and those whose rows differ by what the event says.
func lives() []estest.Record {
	var out []estest.Record
	at := func(name, wire string, event any) {
		r := place()
		r.Aggregate, r.Type, r.Event, r.Meta.Version = "money_transfer", wire, event, int64(len(out)+1)
		out = append(out, estest.Record{Name: name, Recorded: r})
	}
	at("started", saga.StartedEvent, struct{ Amount int64 }{70})
	at("timer set", "TimerSet", saga.TimerSet{Name: "deadline", Due: 1772323260000, Correlation: "correlation"})
	at("requested", "StepRequested", saga.StepRequested{Step: "withdraw", Leg: 1, Attempt: 2, At: 1, ValidAt: 2, Target: "account/a"})
	at("undo requested", "StepRequested", saga.StepRequested{Step: "withdraw", Undo: true, Attempt: 1, Target: "account/a"})
	at("skipped", "StepSkipped", saga.StepSkipped{Step: "allocate"})
	at("accepted", "StepAccepted", saga.StepAccepted{Step: "pay", Leg: 1})
	at("succeeded", "StepSucceeded", saga.StepSucceeded{Step: "withdraw", Leg: 1})
	at("undone", "StepSucceeded", saga.StepSucceeded{Step: "withdraw", Undo: true})
	at("refused", "StepRefused", saga.StepRefused{Step: "deposit", Leg: 1, Code: "account/closed", Detail: "it is closed"})
	at("undo refused", "StepRefused", saga.StepRefused{Step: "withdraw", Undo: true, Code: "account/closed"})
	at("failed, and tried again", "StepFailed", saga.StepFailed{Step: "deposit", Leg: 1, Failure: 3, Code: "too-large", Detail: "1 MB", RetryAt: 1772323261000})
	at("failed for good", "StepFailed", saga.StepFailed{Step: "deposit", Failure: 10, Code: "too-large"})
	at("undo failed, and tried again", "StepFailed", saga.StepFailed{Step: "withdraw", Undo: true, Failure: 1, Code: "panicked", RetryAt: 1772323262000})
	at("undo failed for good", "StepFailed", saga.StepFailed{Step: "withdraw", Undo: true, Failure: 10, Code: "panicked"})
	at("timer fired", "TimerFired", saga.TimerFired{Name: "deadline"})
	at("to stop", "StopRequested", saga.StopRequested{Code: saga.ByOperator, Detail: "teller: no", Step: "deposit"})
	at("compensating", "CompensationStarted", saga.CompensationStarted{Code: saga.DeadlinePassed})
	at("stuck", "Stuck", saga.Stuck{Step: "complete", Leg: 1, Code: "transfer/already-failed"})
	at("undo stuck", "Stuck", saga.Stuck{Step: "withdraw", Undo: true, Code: "account/closed"})
	at("retried", "Retried", saga.Retried{Actor: "operator", Reason: "opened again"})
	at("completed", "Completed", saga.Completed{})
	at("compensated", "Compensated", saga.Compensated{Code: saga.DeadlinePassed})
	return out
}

func TestTheLivesHaveEveryEventOfASaga(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, r := range lives() {
		seen[r.Type] = true
	}
	for _, c := range domain.Contexts() {
		for _, p := range c.Processes {
			for name := range p.EventTypes() {
				if !seen[name] {
					t.Errorf("no record of %s: its rows may change unnoticed", name)
				}
			}
		}
	}
}

func deadLetter() es.Recorded {
	r := place()
	r.DeadLetter = &es.DeadLetter{
		Key: []byte("acct-1"), Value: []byte{0, 0xff, '"'}, Reason: "undecodable", Detail: "3 bytes are no frame",
		Origin: es.Source{Topic: "bank.dispatch", Incarnation: es.ID{0x20, 15: 0x02}, Partition: 5, Offset: 78},
	}
	return r
}

func TestRowsChangeOnlyWithARevision(t *testing.T) {
	t.Parallel()
	estest.Golden(t, audit.Events(), estest.Record{Name: "event", Recorded: event()})
	estest.Golden(t, audit.Refusals(),
		estest.Record{Name: "refused", Recorded: refusal(es.Rejection{
			Command: "bank.account.withdraw", Outcome: es.Refused, Code: "account/frozen", Detail: "the account is frozen",
		})},
		estest.Record{Name: "unchanged", Recorded: refusal(es.Rejection{Command: "bank.account.freeze", Outcome: es.Unchanged})})
	estest.Golden(t, audit.SagaInstances(), lives()...)
	estest.Golden(t, audit.DeadLetters(), estest.Record{Name: "dead letter", Recorded: deadLetter()})
}

func TestARecordOfAnotherStreamIsAnError(t *testing.T) {
	t.Parallel()
	foreign := event()
	foreign.Event = struct{}{}
	unreadable := event()
	unreadable.JSON = func() (string, error) { return "", errors.New("no JSON for NaN") }
	for name, tc := range map[string]struct {
		view   es.View
		record es.Recorded
		want   string
	}{
		"event in refusals":     {audit.Refusals(), event(), "bank/3@1234"},
		"event in dead letters": {audit.DeadLetters(), event(), "bank/3@1234"},
		"no event in sagas":     {audit.SagaInstances(), event(), "bank/3@1234"},
		"foreign one in sagas":  {audit.SagaInstances(), foreign, "FundsDeposited of account acct-1"},
		"event without JSON":    {audit.Events(), unreadable, "FundsDeposited version 7 of account acct-1 as JSON: no JSON for NaN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows := es.NewRows(tc.view.Tables...)
			if err := tc.view.Map(tc.record, rows); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error about %q", err, tc.want)
			}
		})
	}
}

func TestEveryContextKeepsItsOwnViews(t *testing.T) {
	t.Parallel()
	own := make([]es.View, 1, 8) // room to grow: a shared array would mix the contexts up
	own[0] = es.View{Name: "sales"}
	got := audit.Every(es.Context{Name: "shop", Views: own}, es.Context{Name: "bank", Views: own, Processes: make([]es.Process, 1)})
	for i, c := range got {
		var names []string
		for _, v := range c.Views {
			names = append(names, v.Name)
		}
		if want := "sales events refusals dead_letters" + []string{"", " saga_instances"}[i]; strings.Join(names, " ") != want {
			t.Errorf("%s has the views %v", c.Name, names)
		}
	}
	if len(got) != 2 || got[0].Name != "shop" || &got[0].Views[0] == &got[1].Views[0] || &got[0].Views[0] == &own[0] {
		t.Errorf("the contexts are not kept apart: %+v", got)
	}
}
