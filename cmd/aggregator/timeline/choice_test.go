package timeline

import (
	"strings"
	"testing"
	"time"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/worker/inspect"
)

// Four events, a day apart. The third was true before all but the first.
var day = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixMilli()

const dayMillis = 24 * 60 * 60 * 1000

func history(t *testing.T) *inspect.Timeline {
	t.Helper()
	events := []struct {
		kind  string
		valid int64
		body  account.Event
	}{
		{"AccountOpened", 0, account.AccountOpened{CustomerID: "ada", Currency: "EUR"}},
		{"FundsDeposited", 1, account.FundsDeposited{Amount: 500, Currency: "EUR"}},
		{"FundsDeposited", 0, account.FundsDeposited{Amount: 40, Currency: "EUR"}},
		{"AccountFrozen", 3, account.AccountFrozen{Reason: "court order"}},
	}
	h := &inspect.Timeline{Aggregate: account.Type()}
	state := h.Aggregate.Zero()
	for i, e := range events {
		n := int64(i)
		state = h.Aggregate.Evolve(state, e.body)
		h.Steps = append(h.Steps, inspect.Step{
			Event: engine.Event{
				Type: e.kind, Body: e.body,
				Meta: es.Meta{
					AggregateID: "acct-1", Version: n + 1, CommandID: "cmd-" + string(rune('a'+i)), Actor: "teller",
					RecordedAt: day + n*dayMillis, ValidAt: day + e.valid*dayMillis,
				},
			},
			Position: "bank/2@" + string(rune('0'+i)), Frame: []byte{byte(i)}, State: state,
		})
	}
	return h
}

func TestChoices(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		choice  choice
		version int64
		balance int64
		status  account.Status
		events  int
	}{
		"everything":                        {choice{}, 4, 540, account.StatusFrozen, 4},
		"a version":                         {choice{version: "2"}, 2, 500, account.StatusOpen, 2},
		"before the first":                  {choice{version: "0"}, 0, 0, "", 0},
		"by a date, its first moment":       {choice{at: "2026-03-02"}, 1, 0, account.StatusOpen, 1},
		"by a moment, that moment included": {choice{at: "2026-03-02 12:00:00"}, 2, 500, account.StatusOpen, 2},
		"in another zone":                   {choice{at: "2026-03-02T13:30:00+02:00"}, 1, 0, account.StatusOpen, 1},
		"before anything was recorded":      {choice{at: "2026-02-28"}, 0, 0, "", 0},
		"a difference":                      {choice{diff: "1..3"}, 3, 540, account.StatusOpen, 2},
	} {
		if err := tc.choice.validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		a, err := tc.choice.of(history(t))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		state := a.state.(account.Account)
		if a.version != tc.version || a.newest != 4 || state.Balance != tc.balance || state.Status != tc.status || len(a.steps) != tc.events {
			t.Errorf("%s: version %d of %d, %+v, %d events", name, a.version, a.newest, state, len(a.steps))
		}
	}
}

func TestADifferenceNamesTheFieldsThatChanged(t *testing.T) {
	t.Parallel()
	a, err := choice{diff: "1..4"}.of(history(t))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range a.changes {
		names = append(names, c.Field)
	}
	if strings.Join(names, " ") != "status balance" || a.changes[1].Before != int64(0) || a.changes[1].After != int64(540) {
		t.Errorf("got %+v", a.changes)
	}
}

func TestMistakesTeach(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		choice choice
		want   string
	}{
		{choice{at: "yesterday"}, "2026-03-01T12:00:00Z"},
		{choice{version: "-1"}, "count from 1"},
		{choice{version: "two"}, "count from 1"},
		{choice{diff: "3"}, "3..7"},
		{choice{diff: "3..x"}, "3..7"},
		{choice{diff: "-3..4"}, "3..7"},
		{choice{diff: "7..3"}, "write 3..7"},
		{choice{diff: "1..2", version: "1"}, "give one of them"},
		{choice{at: "2026-03-01", version: "1"}, "give one of them"},
	} {
		if err := tc.choice.validate(); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: got %v, want it to say %q", tc.choice, err, tc.want)
		}
	}
	for _, c := range []choice{{version: "5"}, {diff: "2..5"}, {diff: "5..6"}} {
		if err := c.validate(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
		if _, err := c.of(history(t)); err == nil || !strings.Contains(err.Error(), "versions 0 to 4") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
