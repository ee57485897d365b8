package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/demo"
)

// play runs a demo of 2,000 commands and 150 orders, expects its checks to hold, and returns its report.
func (p program) play(t *testing.T, args ...string) demo.Report {
	t.Helper()
	code, r, errs := p.playAny(t, args...)
	if code != cli.ExitOK || !r.Passed {
		t.Fatalf("exit %d, %+v\n%s", code, r.Checks, errs)
	}
	return r
}

// playAny runs a demo of 2,000 commands and 150 orders and returns its report as JSON has it, which must be whole.
func (p program) playAny(t *testing.T, args ...string) (code int, r demo.Report, errs string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	args = append([]string{"demo", "--commands", "2000", "--orders", "150", "--partitions", "4", "--json", file}, args...)
	code, out, errs := p.run(t, args...)
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &r)
	}
	if err != nil {
		t.Fatalf("exit %d, no report: %v\n%s%s%s", code, err, raw, out, errs)
	}
	if strings.Contains(out, "\x1b") || !strings.Contains(out, "Richest accounts") {
		t.Fatalf("exit %d, the tables: %s\n%s", code, out, errs)
	}
	if len(r.Checks) != 15 || len(r.Rates) != 3 || len(r.Richest) == 0 || len(r.Statement.Moments) != 3 {
		t.Fatalf("exit %d, the report: %s\n%s", code, raw, errs)
	}
	if len(r.Shop.Months) != 2 || len(r.Shop.Days) < 3 || len(r.Shop.Stock) == 0 || r.Shop.Stock[0].Shortages == 0 || len(r.Shop.Order.Steps) < 8 || len(r.Shop.Stuck) > 0 {
		t.Fatalf("exit %d, the shop's part of the report: %s\n%s", code, raw, errs)
	}
	return code, r, errs
}

func count(r demo.Report, outcome string) int64 {
	for _, o := range r.Outcomes {
		if o.Outcome == outcome {
			return o.Commands
		}
	}
	return 0
}

// endings are in what ways orders ended, and why, and what became of transfers.
func endings(r demo.Report) (all []string) {
	for _, e := range r.Shop.Endings {
		all = append(all, strings.TrimSpace(e.Status+" "+e.Reason))
	}
	for _, e := range r.Shop.Transfers {
		all = append(all, strings.TrimSpace(e.Status+" "+e.Code))
	}
	return all
}

// TestDemo plays a month and a day, at the same time elsewhere, and once more on the data of the first time; then somebody spoils
// the books.
func TestDemo(t *testing.T) {
	t.Parallel()
	p, dir := build(t), t.TempDir()
	first := twice(t, p, dir)
	everythingHappened(t, first)

	again := p.play(t, "--seed", "5", "--data", dir)
	if count(again, "accepted") != 0 || count(again, "duplicate") < 1_900 {
		t.Errorf("the commands of the first time were decided again: %+v", again.Outcomes)
	}
	if !reflect.DeepEqual(again.Richest, first.Richest) || !reflect.DeepEqual(again.Statement, first.Statement) || !reflect.DeepEqual(again.Shop, first.Shop) {
		t.Errorf("the books changed\n%+v\n%+v", first.Books, again.Books)
	}

	alone := startUp(t, "Ctrl-C", "--data", dir, "--only", "clickhouse")
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(alone.out.String())
	const spoil = "INSERT INTO recount.account_history_g1 SELECT * FROM recount.account_history_g1 WHERE amount > 0 LIMIT 1"
	if code, answer := request(t, http.MethodPost, "http://"+address, spoil); code != http.StatusOK {
		t.Fatalf("%d %s", code, answer)
	}
	alone.end()
	code, spoilt, told := p.playAny(t, "--seed", "5", "--data", dir)
	if code != cli.ExitFailed || spoilt.Passed || !strings.Contains(told, "checks do not hold") {
		t.Errorf("spoilt books: exit %d, %+v\n%s", code, spoilt.Checks, told)
	}
}

// twice plays into dir and elsewhere at the same time, which must leave the same books, and of the second nothing else.
func twice(t *testing.T, p program, dir string) (first demo.Report) {
	t.Helper()
	var elsewhere demo.Report
	played := t.Run("twice", func(t *testing.T) {
		t.Run("here", func(t *testing.T) {
			t.Parallel()
			first = p.play(t, "--seed", "5", "--data", dir)
		})
		t.Run("elsewhere", func(t *testing.T) {
			t.Parallel()
			elsewhere = p.play(t, "--seed", "5")
		})
	})
	if !played {
		t.FailNow() // there are no two books to compare
	}
	if !reflect.DeepEqual(elsewhere.Books, first.Books) {
		t.Errorf("the same month and day left other books\n%+v\n%+v", first.Books, elsewhere.Books)
	}
	left, err := os.ReadDir(p.tmp)
	if err != nil || len(left) > 0 {
		t.Errorf("temporary files were left behind: %v, %v", left, err)
	}
	return first
}

// everythingHappened demands that a demo has shown all there is to show.
func everythingHappened(t *testing.T, r demo.Report) {
	t.Helper()
	if count(r, "accepted") < 1_000 || count(r, "refused") < 50 || count(r, "duplicate") < 10 {
		t.Errorf("too little happened: %+v", r.Outcomes)
	}
	for _, ending := range []string{
		"delivered", "returned", "shipped", "cancelled inventory/insufficient-stock", "cancelled customer/credit-exceeded", "cancelled payment/declined",
		"cancelled process/step-deadline", "cancelled shipment/cancelled", "cancelled found it cheaper",
		"completed", "failed account/closed", "failed account/not-open", "failed account/insufficient-funds",
	} {
		if got := endings(r); !slices.Contains(got, ending) {
			t.Errorf("no deal ended %q, only %q", ending, got)
		}
	}
}
