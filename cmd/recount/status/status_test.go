package status

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"recount/cmd/internal/role"
	"recount/internal/kafka"
	"recount/internal/telemetry"
)

// well is a report in which nothing needs anybody.
func well() *Report {
	r := newReport(time.Now())
	r.Services = append(r.Services, Service{Name: "Kafka", Reachable: true})
	r.Roles = append(r.Roles, Role{Address: "127.0.0.1:9101", Expected: true, Reachable: true, Ready: true})
	c := Context{Name: "bank", Group: "Stable", Members: []string{"aggregator-abcdefgh.0"}}
	for n := range int32(12) {
		c.Partitions = append(c.Partitions, Partition{
			Number: n, Owner: "aggregator-abcdefgh.0",
			Inputs:  []Input{{Topic: "bank.commands", Committed: 8_000_000, Stable: 8_000_010, End: 8_000_010, LagRecords: 10, LagSeconds: 0.25}, {Topic: "bank.dispatch", Committed: -1}},
			Outputs: []Output{{Topic: "bank.events", Stable: 9_000_000, End: 9_000_003}},
		})
	}
	c.Sagas = &SagaWorkers{Group: "Stable", Members: []string{"saga-abcdefgh.0"}, LagRecords: 3, LagSeconds: 0.1}
	r.Contexts = append(r.Contexts, c)
	r.Sagas = append(r.Sagas, role.SagaStanding{Context: "bank", Saga: "money_transfer", Running: 4, OldestSeconds: 2})
	r.Views = append(r.Views, role.ViewStanding{Context: "bank", View: "account_balances", Generation: 1, LagRecords: 5, LagSeconds: 2})
	return r
}

func codes(r *Report) []string {
	var out []string
	for _, w := range (limits{lag: time.Minute}).warnings(r) {
		if w.Do == "" || w.Text == "" {
			out = append(out, "without a word")
		}
		out = append(out, w.Code)
	}
	return out
}

func TestEachTroubleIsOneWarning(t *testing.T) {
	t.Parallel()
	if got := codes(well()); len(got) != 0 {
		t.Fatalf("nothing is wrong, and yet: %v", got)
	}
	input := func(change func(*Input)) func(*Report) {
		return func(r *Report) { change(&r.Contexts[0].Partitions[3].Inputs[0]) }
	}
	for name, tc := range map[string]struct {
		trouble func(*Report)
		want    string
	}{
		"a service is away":                    {func(r *Report) { r.Services[0].Reachable = false; r.Services[0].Problem = "x" }, CodeUnreachable},
		"a role is away":                       {func(r *Report) { r.Roles[0].Reachable = false }, CodeRoleGone},
		"a role is not ready":                  {func(r *Report) { r.Roles[0].Ready = false }, CodeRoleNotReady},
		"nobody is there":                      {func(r *Report) { r.Contexts[0].Members = nil; r.Contexts[0].Partitions[5].Owner = "" }, CodeNoOwner},
		"somebody is there, and has it not":    {func(r *Report) { r.Contexts[0].Partitions[5].Owner = "" }, CodeNoOwner},
		"commands wait too long":               {input(func(i *Input) { i.LagSeconds = 61 }), CodeLag},
		"commands were deleted":                {input(func(i *Input) { i.Start = i.Committed + 1 }), CodeLostCommands},
		"the offsets are lost":                 {input(func(i *Input) { i.Committed, i.Start = -1, 7 }), CodeLostCommands},
		"the topic was made again":             {input(func(i *Input) { i.Committed = i.End + 1 }), CodeLostCommands},
		"a transaction is open":                {func(r *Report) { r.Transactions = []role.OpenTransaction{{Topic: "bank.events", Do: "end it"}} }, CodeTransaction},
		"a view was never made":                {func(r *Report) { r.Views[0].Generation = 0 }, CodeViewMissing},
		"a view shows what was long ago":       {func(r *Report) { r.Views[0].LagSeconds = 61 }, CodeViewLag},
		"a saga is stuck":                      {func(r *Report) { r.Sagas[0].Stuck = 1 }, CodeSagaStuck},
		"what sagas wait for waits for them":   {func(r *Report) { r.Contexts[0].Sagas.LagSeconds = 61 }, CodeSagaLag},
		"nobody carries sagas out":             {func(r *Report) { r.Contexts[0].Sagas.LagSeconds, r.Contexts[0].Sagas.Members = 61, nil }, CodeNoSagas},
		"a context has no saga":                {func(r *Report) { r.Contexts[0].Sagas = nil }, ""},
		"nothing, but nobody named that place": {func(r *Report) { r.Roles[0].Expected, r.Roles[0].Reachable = false, false }, ""},
	} {
		r := well()
		tc.trouble(r)
		var want []string
		if tc.want != "" {
			want = []string{tc.want}
		}
		if got := codes(r); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

func rendered(t *testing.T, r *Report) string {
	t.Helper()
	r.Warnings = limits{lag: time.Minute}.warnings(r)
	var out bytes.Buffer
	if err := render(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestTheTablesFitATerminalAndSayWhatToDo(t *testing.T) {
	t.Parallel()
	if got := rendered(t, well()); !strings.Contains(got, "Nothing needs you") {
		t.Error(got)
	}
	r := well()
	r.Contexts[0].Partitions[5].Owner = ""
	r.Roles[0].Ready, r.Roles[0].Waiting = false, []telemetry.Waiting{{Name: "aggregator bank", Reason: "catching \x1b[31mup"}}
	r.Transactions = []role.OpenTransaction{role.DescribeTransaction(kafka.Transaction{
		Topic: "bank.events", Partition: 3, ProducerID: 4711, TransactionalID: "recount.bank.aggregator.aggregator-abcdefgh.0",
		Standing: kafka.TransactionHangs, HoldsStable: true, LastWrite: r.At.Add(-time.Hour),
	}, r.At)}
	got := rendered(t, r)
	for _, want := range []string{"3 things need you", "nobody", "aggregator end-transaction --topic bank.events --partition 3 --producer-id 4711", "1h0m0s", "9,000,003", "account_balances", "money_transfer"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Error("escapes where nobody looks at a terminal, or from a reason")
	}
	for _, line := range strings.Split(got, "\n") {
		if isTable := strings.HasPrefix(line, "  ") && !strings.Contains(line, "→") && !strings.HasPrefix(line, "  -"); isTable && utf8.RuneCountInString(line) > 120 {
			t.Errorf("%d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
}

func TestListsInJSONAreNeverAbsent(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(newReport(time.Now()))
	if err != nil || strings.Contains(string(raw), "null") {
		t.Errorf("%s %v", raw, err)
	}
}

func TestAges(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[float64]string{0: "0", 0.25: "300ms", 9.94: "9.9s", 61.2: "1m1s", 7200: "2h0m0s"} {
		if got := age(seconds); got != want {
			t.Errorf("%s: %s, want %s", fmt.Sprint(seconds), got, want)
		}
	}
}
