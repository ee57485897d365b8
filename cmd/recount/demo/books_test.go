package demo

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/cmd/recount/pipeline"
	"recount/domain"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/es"
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
	loads  []Load
}

func playMonth(t *testing.T) played {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	c := &config{pipeline: pipeline.NewConfig(pipeline.Ports{}), commands: 2_000, orders: ordersMin, seed: 3}
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
	return played{p, r, loadsOf(t, c, r)}
}

// loadsOf are what was sent, by the files that keep it.
func loadsOf(t *testing.T, c *config, r Report) []Load {
	t.Helper()
	text, err := os.ReadFile(c.dayPath())
	if err != nil {
		t.Fatal(err)
	}
	ofBank := int64(bytes.Count(text, []byte(`{"type":"bank.`)))
	loads := []Load{
		{Context: bank, Sent: int64(c.commands) + ofBank},
		{Context: shop, Sent: int64(bytes.Count(text, []byte("\n"))) - ofBank},
	}
	for i := range loads {
		loads[i].From = make([]int64, c.pipeline.Services.Partitions)
		for _, o := range r.Outcomes {
			if o.Context == loads[i].Context && o.Outcome == duplicateOutcome {
				loads[i].Duplicates = o.Commands
			}
		}
	}
	return loads
}

// The checks, by a word of their titles.
const (
	money      = "Balances add up"
	versions   = "newest versions"
	duplicates = "twice"
	histories  = "sum of its account's history"
	asOf       = "end of time"
	totals     = "Totals by day"
	stock      = "promised more"
	promises   = "open orders hold"
	orders     = "order ended"
	paid       = "has the money"
	revenue    = "Revenue, refunds"
	debits     = "What payments took"
	transfers  = "What transfers took"
	sagas      = "Every saga"
	accounts   = "one outcome"
)

// titles are those words, in the order in which the checks are told.
func titles() []string {
	return []string{
		money, versions, duplicates, histories, asOf, totals, stock, promises, orders, paid, revenue, debits, transfers, sagas, accounts,
	}
}

// TestEveryCheckCanFail spoils copies of good books, each in one way, and expects exactly the checks to fail whose
// business it is.
func TestEveryCheckCanFail(t *testing.T) {
	t.Parallel()
	month := playMonth(t)
	if failed := failures(month.report.Books); len(failed) > 0 || !month.report.Passed || month.report.verdict() != nil {
		t.Fatalf("the books are wrong before anybody spoils them: %+v", month.report.Checks)
	}
	for name, tc := range spoils() {
		t.Run(name, func(t *testing.T) {
			db := copyBooks(t, month.p)
			for _, statement := range strings.Split(tc.statements, "; ") {
				if err := db.Exec(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			books, err := ReadBooks(t.Context(), db, month.loads, moments())
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

// spoil is a way to spoil books, and the checks that must fail then.
type spoil struct {
	statements string // separated by "; "
	fails      []string
}

// spoils are all of them, by name.
func spoils() map[string]spoil {
	all := spoilsOfTheBank()
	maps.Copy(all, spoilsOfTheShop())
	return all
}

func spoilsOfTheBank() map[string]spoil {
	return map[string]spoil{
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
			[]string{money, totals, transfers},
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
			"ALTER TABLE refusals_g1 DELETE WHERE (partition, offset) IN (SELECT partition, offset FROM refusals_g1 WHERE source_topic = 'bank.commands' LIMIT 1) SETTINGS mutations_sync = 2",
			[]string{accounts},
		},
		"there are no events at all": {
			"TRUNCATE TABLE events_g1",
			[]string{money, versions, totals, promises, orders, revenue, debits, transfers, accounts},
		},
	}
}

func spoilsOfTheShop() map[string]spoil {
	return map[string]spoil{
		"more is promised than there is": {
			"INSERT INTO inventory_allocation_g1 SELECT * REPLACE (version + 1 AS version, on_hand_after + 1 AS allocated_after, 0 AS on_hand, 0 AS allocated) FROM inventory_allocation_g1 ORDER BY version DESC, sku LIMIT 1",
			[]string{stock, promises},
		},
		"a release is gone": {
			"ALTER TABLE inventory_allocation_g1 DELETE WHERE event_type = 'ItemReleased' SETTINGS mutations_sync = 2",
			[]string{promises},
		},
		"an article is gone": {
			"ALTER TABLE inventory_allocation_g1 DELETE WHERE sku = 'sku-0000' SETTINGS mutations_sync = 2",
			[]string{promises},
		},
		"orders have not ended": {
			"ALTER TABLE order_history_g1 UPDATE status = 'paid' WHERE event_type IN ('OrderShipped', 'OrderDelivered', 'ItemsReturned') SETTINGS mutations_sync = 2",
			[]string{orders},
		},
		"a cancelled order is not": {
			"ALTER TABLE order_history_g1 UPDATE status = 'delivered' WHERE event_type = 'OrderCancelled' SETTINGS mutations_sync = 2",
			[]string{paid},
		},
		"refunds are lost": {
			"ALTER TABLE financial_report_g1 DELETE WHERE event_type = 'PaymentRefunded' SETTINGS mutations_sync = 2",
			[]string{paid, revenue},
		},
		"a payment counts twice": {
			"INSERT INTO financial_report_g1 SELECT * FROM financial_report_g1 WHERE event_type = 'PaymentReceived' ORDER BY payment_id LIMIT 1",
			[]string{paid, revenue},
		},
		"money from an account does not reach the shop": {
			"ALTER TABLE events_g1 UPDATE payload = replaceOne(payload, '\"channel\":\"payment\"', '\"channel\":\"\"') WHERE event_type = 'FundsCaptured' SETTINGS mutations_sync = 2",
			[]string{debits},
		},
		"a refund does not reach its account": {
			"ALTER TABLE events_g1 UPDATE payload = replaceOne(payload, '\"channel\":\"payment-refund\"', '\"channel\":\"\"') WHERE event_type = 'FundsDeposited' SETTINGS mutations_sync = 2",
			[]string{debits},
		},
		"more was set aside than was taken": {
			"ALTER TABLE events_g1 UPDATE payload = replaceRegexpOne(payload, '\"amount\":', '\"amount\":1') WHERE event_type = 'FundsReserved' SETTINGS mutations_sync = 2",
			[]string{debits},
		},
		"transfers say more than they moved": {
			"ALTER TABLE transfers_g1 UPDATE amount = amount + 1 WHERE 1 SETTINGS mutations_sync = 2",
			[]string{transfers},
		},
		"a transfer took and did not give": {
			"ALTER TABLE events_g1 UPDATE payload = replaceOne(payload, '\"channel\":\"transfer-reversal\"', '\"channel\":\"\"') WHERE event_type = 'FundsDeposited' SETTINGS mutations_sync = 2",
			[]string{transfers},
		},
		"sagas have not ended": {
			"ALTER TABLE saga_instances_g1 DELETE WHERE event_type = 'Completed' SETTINGS mutations_sync = 2",
			[]string{sagas},
		},
		"there is no shop": {
			"TRUNCATE TABLE inventory_allocation_g1; TRUNCATE TABLE order_history_g1; TRUNCATE TABLE saga_instances_g1",
			[]string{stock, promises, orders, paid, sagas},
		},
	}
}

// failures are the checks that do not hold, in their order.
func failures(b Books) (failed []string) {
	for _, word := range titles() {
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
	for _, view := range everyView() {
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

// everyView is each view of each context, once: all share those of the audit.
func everyView() (all []es.View) {
	for _, c := range domain.Contexts() {
		for _, v := range c.Views {
			if !slices.ContainsFunc(all, func(known es.View) bool { return known.Name == v.Name }) {
				all = append(all, v)
			}
		}
	}
	return all
}
