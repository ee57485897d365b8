package audit_test

import (
	"errors"
	"strings"
	"testing"

	"recount/domain/audit"
	"recount/internal/es"
	"recount/internal/es/estest"
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
	estest.Golden(t, audit.DeadLetters(), estest.Record{Name: "dead letter", Recorded: deadLetter()})
}

func TestARecordOfAnotherStreamIsAnError(t *testing.T) {
	t.Parallel()
	unreadable := event()
	unreadable.JSON = func() (string, error) { return "", errors.New("no JSON for NaN") }
	for name, tc := range map[string]struct {
		view   es.View
		record es.Recorded
		want   string
	}{
		"event in refusals":     {audit.Refusals(), event(), "bank/3@1234"},
		"event in dead letters": {audit.DeadLetters(), event(), "bank/3@1234"},
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
	got := audit.Every(es.Context{Name: "shop", Views: own}, es.Context{Name: "bank", Views: own})
	for _, c := range got {
		var names []string
		for _, v := range c.Views {
			names = append(names, v.Name)
		}
		if strings.Join(names, " ") != "sales events refusals dead_letters" {
			t.Errorf("%s has the views %v", c.Name, names)
		}
	}
	if len(got) != 2 || got[0].Name != "shop" || &got[0].Views[0] == &got[1].Views[0] || &got[0].Views[0] == &own[0] {
		t.Errorf("the contexts are not kept apart: %+v", got)
	}
}
