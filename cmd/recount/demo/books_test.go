package demo

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/pipeline"
	"recount/domain"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
	views "recount/schemas/clickhouse"
	"recount/schemas/clickhouse/migrations"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// played is a small month that went through a pipeline which still runs.
type played struct {
	p      *pipeline.Pipeline
	report Report
	load   Load
}

func playMonth(t *testing.T) played {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	c := &config{pipeline: pipeline.NewConfig(pipeline.Ports{}), commands: 2_000, seed: 3}
	c.pipeline.DataDir = t.TempDir()
	c.pipeline.Services.Partitions = 4
	p, err := pipeline.Open(ctx, c.pipeline)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	month, err := c.writeMonth()
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.play(ctx, &cli.Process{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}, p, month)
	if err != nil {
		t.Fatal(err)
	}
	load := Load{Topic: commandsTopic, From: make([]int64, 4), Sent: int64(c.commands)}
	for _, o := range r.Outcomes {
		if o.Outcome == duplicateOutcome {
			load.Duplicates = o.Commands
		}
	}
	return played{p, r, load}
}

// The checks, by a word of their titles.
const (
	money      = "Balances add up"
	versions   = "newest versions"
	duplicates = "twice"
	histories  = "sum of its account's history"
	asOf       = "end of time"
	totals     = "Totals by day"
	accounts   = "one outcome"
)

// TestEveryCheckCanFail spoils copies of good books, each in one way, and expects exactly the checks to fail whose
// business it is.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	month := playMonth(t)
	if failed := failures(month.report.Books); len(failed) > 0 || !month.report.Passed || month.report.verdict() != nil {
		t.Fatalf("the books are wrong before anybody spoils them: %+v", month.report.Checks)
	}
	for name, tc := range map[string]struct {
		spoil string
		fails []string
	}{
		"nothing is spoilt": {"SELECT 1", nil},
		"an event is there twice": {
			"INSERT INTO events_g1 SELECT * FROM events_g1 WHERE event_type = 'FundsDeposited' ORDER BY aggregate_id, version LIMIT 1",
			[]string{money, versions, duplicates, totals},
		},
		"two events have one version": {
			"INSERT INTO events_g1 SELECT * REPLACE (generateUUIDv4() AS event_id) FROM events_g1 WHERE event_type = 'AccountOpened' LIMIT 1",
			[]string{versions, duplicates, totals},
		},
		"an event is lost": {
			"ALTER TABLE events_g1 DELETE WHERE event_type = 'AccountOpened' AND aggregate_id = 'acct-000000' SETTINGS mutations_sync = 2",
			[]string{versions, totals, accounts},
		},
		"an amount is wrong": {
			"ALTER TABLE events_g1 UPDATE payload = replaceRegexpOne(payload, '\"amount\":', '\"amount\":1') WHERE event_type = 'FundsWithdrawn' SETTINGS mutations_sync = 2",
			[]string{money, totals},
		},
		"a balance is wrong": {
			"INSERT INTO account_balances_g1 SELECT * REPLACE (balance + 1 AS balance, version + 1 AS version) FROM account_balances_g1 ORDER BY version DESC LIMIT 1",
			[]string{money, histories, asOf},
		},
		"an account is gone": {
			"ALTER TABLE account_balances_g1 DELETE WHERE account_id = 'acct-000000' SETTINGS mutations_sync = 2",
			[]string{money, histories, asOf},
		},
		"a line of history is gone": {
			"ALTER TABLE account_history_g1 DELETE WHERE account_id = 'acct-000000' AND version = 2 SETTINGS mutations_sync = 2",
			[]string{histories, asOf, totals},
		},
		"a refusal is gone": {
			"ALTER TABLE refusals_g1 DELETE WHERE (partition, offset) IN (SELECT partition, offset FROM refusals_g1 LIMIT 1) SETTINGS mutations_sync = 2",
			[]string{accounts},
		},
		"there are no events at all": {"TRUNCATE TABLE events_g1", []string{money, versions, totals, accounts}},
	} {
		t.Run(name, func(t *testing.T) {
			db := copyBooks(t, month.p)
			if err := db.Exec(t.Context(), tc.spoil); err != nil {
				t.Fatal(err)
			}
			books, err := ReadBooks(t.Context(), db, month.load, moments())
			if err != nil {
				t.Fatal(err)
			}
			if failed := failures(books); !slices.Equal(failed, tc.fails) {
				t.Errorf("these fail: %q, want %q\n%+v", failed, tc.fails, books.Checks)
			}
			if books.Passed() != (len(tc.fails) == 0) || (books.verdict() == nil) != books.Passed() {
				t.Errorf("passed %v, verdict %v", books.Passed(), books.verdict())
			}
		})
	}
}

// failures are the checks that do not hold, in their order.
func failures(b Books) (failed []string) {
	for _, word := range []string{money, versions, duplicates, histories, asOf, totals, accounts} {
		for _, c := range b.Checks {
			if strings.Contains(c.Title, word) && !c.Passed {
				failed = append(failed, word)
			}
		}
	}
	return failed
}

// copyBooks copies the views into a database of the test's own.
func copyBooks(t *testing.T, p *pipeline.Pipeline) *clickhouse.DB {
	t.Helper()
	ctx := t.Context()
	name := "copy_" + strings.ToLower(strings.ReplaceAll(t.Name()[strings.LastIndex(t.Name(), "/")+1:], " ", "_"))
	db, err := clickhouse.Open(ctx, clickhouse.Config{URL: p.Services.ClickHouse, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(ctx, migrations.FS()); err != nil {
		t.Fatal(err)
	}
	for _, view := range domain.Contexts()[0].Views {
		script, err := views.Render(view.Name, views.Params{Database: name, Generation: 1, DedupWindow: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range view.Tables {
			script.Tables = append(script.Tables, "INSERT INTO "+table.Name()+"_g1 SELECT * FROM "+p.Services.Database+"."+table.Name()+"_g1")
		}
		for _, statement := range append(script.Tables, script.Public...) {
			if err := db.Exec(ctx, statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}
