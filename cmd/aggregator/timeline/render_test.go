package timeline

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestRender(t *testing.T) {
	t.Parallel()
	of := subject{"bank", "account", "acct-1"}
	for name, tc := range map[string]struct {
		choice choice
		want   string
	}{
		"a version": {choice{version: "1"}, `
account acct-1, context bank: version 1 of 4, as version 1 left it

state
  field            value
  status           open
  customer_id      ada
  currency         EUR
  overdraft_limit  0
  balance          0
  holds            []

events
  version  recorded at (UTC)        valid at (UTC)           type           command  actor   position
        1  2026-03-01 12:00:00.000  2026-03-01 12:00:00.000  AccountOpened  cmd-a    teller  bank/2@0
`},
		"a difference": {choice{diff: "2..3"}, `
account acct-1, context bank: from version 2 to 3 of 4

changes
  field    version 2  version 3
  balance  500        540

events
  version  recorded at (UTC)        valid at (UTC)           type            command  actor   position
        3  2026-03-03 12:00:00.000  2026-03-01 12:00:00.000  FundsDeposited  cmd-c    teller  bank/2@2
`},
		"before everything": {choice{at: "2026-01-01"}, `
account acct-1, context bank: version 0 of 4, as recorded by 2026-01-01 00:00:00.000 UTC: before its first event, which was recorded at 2026-03-01 12:00:00.000 UTC

state
  field            value
  status
  customer_id
  currency
  overdraft_limit  0
  balance          0
  holds            []

events
  none
`},
	} {
		a, err := tc.choice.of(history(t))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := a.render(&b, of); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != tc.want {
			t.Errorf("%s: got%s\nwant%s", name, got, tc.want)
		}
	}
}

func TestRenderJSON(t *testing.T) {
	t.Parallel()
	a, err := choice{diff: "1..4"}.of(history(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	event := func(frame []byte) ([]byte, error) { return json.Marshal(map[string]any{"frame": frame}) }
	if err := a.renderJSON(&b, subject{"bank", "account", "acct-1"}, event); err != nil {
		t.Fatal(err)
	}
	var got document
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Version != 4 || got.Newest != 4 || got.State["status"] != "frozen" || got.Diff == nil || got.Diff.From != 1 || len(got.Diff.Changes) != 2 ||
		len(got.Events) != 3 || got.Events[0].Position != "bank/2@1" {
		t.Errorf("got %s", b.String())
	}
	broken := errors.New("broken")
	if err := a.renderJSON(&b, subject{}, func([]byte) ([]byte, error) { return nil, broken }); !errors.Is(err, broken) || !strings.Contains(err.Error(), "bank/2@1") {
		t.Errorf("got %v", err)
	}
}

// TestNothingIsNull: whoever reads the JSON finds a list where a list belongs.
func TestNothingIsNull(t *testing.T) {
	t.Parallel()
	a, err := choice{diff: "2..2"}.of(history(t))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := a.renderJSON(&b, subject{}, nil); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("got %s", b.String())
	}
}
