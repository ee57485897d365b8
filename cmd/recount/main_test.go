package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/demo"
	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// output is what a program writes, read while it still does.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// recount runs the program as a person would, and returns its exit code once it has ended.
func recount(ctx context.Context, out, errs *output, args ...string) int {
	p := cli.Program{Root: command(), Args: args, Stdin: strings.NewReader(""), Stdout: out, Stderr: errs}
	return p.Run(ctx)
}

// play runs a demo of 2,000 commands and 150 orders, expects its checks to hold, and returns its report.
func play(t *testing.T, args ...string) demo.Report {
	t.Helper()
	code, r, errs := playAny(t, args...)
	if code != cli.ExitOK || !r.Passed {
		t.Errorf("exit %d, %+v\n%s", code, r.Checks, errs)
	}
	return r
}

// playAny runs a demo of 2,000 commands and 150 orders and returns its report as JSON has it.
func playAny(t *testing.T, args ...string) (code int, r demo.Report, told string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute) // a slow machine with the race detector takes more than five
	defer cancel()
	file := filepath.Join(t.TempDir(), "report.json")
	var out, errs output
	args = append([]string{"demo", "--commands", "2000", "--orders", "150", "--partitions", "4", "--json", file}, args...)
	code = recount(ctx, &out, &errs, args...)
	if strings.Contains(out.String(), "\x1b") || !strings.Contains(out.String(), "Richest accounts") {
		t.Errorf("the tables: %s", out.String())
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatalf("exit %d: %v\n%s%s", code, err, raw, errs.String())
	}
	if len(r.Checks) != 15 || len(r.Rates) != 3 || len(r.Richest) == 0 || len(r.Statement.Moments) != 3 {
		t.Errorf("report: %s", raw)
	}
	if len(r.Shop.Months) != 2 || len(r.Shop.Days) < 3 || len(r.Shop.Stock) == 0 || r.Shop.Stock[0].Shortages == 0 || len(r.Shop.Order.Steps) < 8 || len(r.Shop.Stuck) > 0 {
		t.Errorf("the shop's part of the report: %s", raw)
	}
	return code, r, errs.String()
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
	dir := t.TempDir()
	var first, elsewhere demo.Report
	t.Run("twice", func(t *testing.T) {
		t.Run("here", func(t *testing.T) {
			t.Parallel()
			first = play(t, "--seed", "5", "--data", dir)
		})
		t.Run("elsewhere", func(t *testing.T) {
			t.Parallel()
			elsewhere = play(t, "--seed", "5")
		})
	})
	if count(first, "accepted") < 1_000 || count(first, "refused") < 50 || count(first, "duplicate") < 10 {
		t.Errorf("too little happened: %+v", first.Outcomes)
	}
	for _, ending := range []string{
		"delivered", "returned", "shipped", "cancelled inventory/insufficient-stock", "cancelled customer/credit-exceeded", "cancelled payment/declined",
		"cancelled process/step-deadline", "cancelled shipment/cancelled", "cancelled found it cheaper",
		"completed", "failed account/closed", "failed account/not-open", "failed account/insufficient-funds",
	} {
		if got := endings(first); !slices.Contains(got, ending) {
			t.Errorf("no deal ended %q, only %q", ending, got)
		}
	}
	if !reflect.DeepEqual(elsewhere.Books, first.Books) {
		t.Errorf("the same month and day left other books\n%+v\n%+v", first.Books, elsewhere.Books)
	}
	again := play(t, "--seed", "5", "--data", dir)
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
	code, spoilt, told := playAny(t, "--seed", "5", "--data", dir)
	if code != cli.ExitFailed || spoilt.Passed || !strings.Contains(told, "checks do not hold") {
		t.Errorf("spoilt books: exit %d, %+v\n%s", code, spoilt.Checks, told)
	}
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
	})
	taken := strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		args []string
		code int
		want string
	}{
		"unknown flag":          {[]string{"demo", "--command", "5"}, cli.ExitUsage, "--commands"},
		"unknown command":       {[]string{"dmo"}, cli.ExitUsage, "demo"},
		"an argument too many":  {[]string{"up", "kafka"}, cli.ExitUsage, "kafka"},
		"too few commands":      {[]string{"demo", "--commands", "3"}, cli.ExitUsage, "--commands"},
		"too few orders":        {[]string{"demo", "--orders", "3"}, cli.ExitUsage, "--orders"},
		"no such service":       {[]string{"up", "--only", "kafak"}, cli.ExitUsage, "kafak"},
		"no port":               {[]string{"up", "--http-port", "70000"}, cli.ExitUsage, "--http-port"},
		"no broker":             {[]string{"demo", "--kafka", "127.0.0.1:1"}, cli.ExitFailed, "nothing listens on 127.0.0.1:1"},
		"Kafka's port taken":    {[]string{"demo", "--kafka-port", taken}, cli.ExitFailed, "--kafka-port"},
		"HTTP's port taken":     {[]string{"demo", "--http-port", taken}, cli.ExitFailed, "--http-port"},
		"no place for a report": {[]string{"demo", "--json", filepath.Join(file, "report.json")}, cli.ExitUsage, "--json"},
		"no archive":            {[]string{"import", filepath.Dir(file)}, cli.ExitFailed, "there is no archive in"},
		"no folder for it":      {[]string{"export"}, cli.ExitUsage, "DIR"},
		"files without events":  {[]string{"export", "archive", "--file-events", "0"}, cli.ExitUsage, "--file-events"},
		"not even one at once":  {[]string{"import", "archive", "--parallel", "-1"}, cli.ExitUsage, "--parallel"},
		"the data is a file":    {[]string{"demo", "--data", file}, cli.ExitFailed, file},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs output
			if code := recount(t.Context(), &out, &errs, tc.args...); code != tc.code || !strings.Contains(errs.String(), tc.want) {
				t.Errorf("exit %d, want %d and %q\n%s%s", code, tc.code, tc.want, out.String(), errs.String())
			}
		})
	}
}
