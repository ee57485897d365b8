package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/status"
)

// ask runs recount status and reads what it prints as JSON.
func ask(t *testing.T, args ...string) (code int, r status.Report, told string) {
	t.Helper()
	var out, errs output
	code = recount(t.Context(), &out, &errs, append([]string{"status", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", code, err, out.String(), errs.String())
	}
	return code, r, errs.String()
}

// TestStatus asks while all is well, and after everything has gone.
func TestStatus(t *testing.T) {
	t.Parallel()
	up := startUp(t, "Ctrl-C", "--data", t.TempDir())
	if code, answer := request(t, http.MethodPost, up.url("HTTP")+"/v1/bank/account/acct-1/open", `{"customer_id":"ada","currency":"EUR"}`); code != http.StatusOK {
		t.Fatalf("%d %s", code, answer)
	}
	args := []string{
		"--kafka", up.url("Kafka"), "--clickhouse", up.url("ClickHouse"), "--registry", up.url("registry"),
		"--role", strings.TrimPrefix(up.url("HTTP"), "http://"), "--older-than", "20s",
	}
	var code int
	var r status.Report
	for deadline := time.Now().Add(startPatience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if code, r, _ = ask(t, args...); code == cli.ExitOK && lag(r) == 0 {
			break
		}
	}
	if code != cli.ExitOK || !r.Healthy || len(r.Warnings) != 0 || lag(r) != 0 {
		t.Errorf("exit %d: %+v", code, r)
	}
	if len(r.Services) != 3 || len(r.Roles) != 1 || !r.Roles[0].Ready || len(r.Contexts) == 0 || len(r.Contexts[0].Partitions) != 4 || len(r.Views) == 0 {
		t.Fatalf("%+v", r)
	}
	if len(r.Sagas) < 2 || r.Contexts[0].Sagas == nil || len(r.Contexts[0].Sagas.Members) == 0 {
		t.Errorf("%+v", r)
	}
	for _, p := range r.Contexts[0].Partitions {
		if p.Owner == "" || len(p.Inputs) != 2 || len(p.Outputs) != 3 {
			t.Errorf("%+v", p)
		}
	}
	var table, errs output
	if code := recount(t.Context(), &table, &errs, append([]string{"status"}, args...)...); code != cli.ExitOK || !strings.Contains(table.String(), "Nothing needs you") || strings.Contains(table.String(), "\x1b") {
		t.Errorf("exit %d\n%s%s", code, table.String(), errs.String())
	}

	up.end()
	code, r, told := ask(t, args...)
	warned := map[string]bool{}
	for _, w := range r.Warnings {
		warned[w.Code] = true
	}
	if code != cli.ExitFailed || r.Healthy || told != "" || !warned[status.CodeUnreachable] || !warned[status.CodeRoleGone] {
		t.Errorf("after the end: exit %d %+v %s", code, r, told)
	}
}

// lag is how many commands and records wait.
func lag(r status.Report) int64 {
	var sum int64
	for _, c := range r.Contexts {
		for _, p := range c.Partitions {
			for _, in := range p.Inputs {
				sum += in.LagRecords
			}
		}
	}
	for _, v := range r.Views {
		sum += v.LagRecords
	}
	return sum
}
