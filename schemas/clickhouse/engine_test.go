package clickhouse_test

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"recount/domain"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	clickhouse "recount/schemas/clickhouse"
	"recount/schemas/clickhouse/migrations"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// TestOnTheEngine runs what needs a ClickHouse, each test in a database of its own.
func TestOnTheEngine(t *testing.T) {
	t.Parallel()
	engine := embeddedtest.ClickHouse(t)
	for name, test := range map[string]func(*testing.T, *database){
		"columns are those of the rows":                 testColumns,
		"a column that no row has is noticed":           testForeignColumn,
		"as of is right for back-dated entries":         testAsOf,
		"as of agrees with a fold in any order":         testAsOfProperty,
		"as of never wraps around":                      testAsOfOverflow,
		"a status is that of the last change":           testStatusOrder,
		"rows without a change keep nothing of it":      testSparse,
		"as known is right for back-dated entries":      testAsKnown,
		"as known agrees with a fold on both axes":      testAsKnownProperty,
		"what is not known yet is no answer":            testNotKnownYet,
		"the whole book at a moment":                    testBank,
		"statements run in the order of the world":      testStatement,
		"intervals agree with as of at every moment":    testIntervals,
		"totals are kept and not counted again":         testTotals,
		"who moved most and who moved nothing":          testMovers,
		"balances show the newest version":              testBalances,
		"customers are put together":                    testCustomers,
		"events, refusals and dead letters":             testAudit,
		"transfers are told as one line":                testTransfers,
		"sagas stand where their histories say":         testSagaInstances,
		"the same token is inserted once":               testDeduplication,
		"public names move to another generation":       testGenerations,
		"conditions on the account reach the key":       testPushdown,
		"no statistics are kept":                        testNoStatistics,
		"one command is found without reading the rest": testCommandLookup,

		"orders and the states they went through":      testOrders,
		"how long an order stood where":                testOrderStates,
		"stock is right for back-dated entries":        testStock,
		"stock agrees with a fold on both axes":        testStockProperty,
		"what came in and went back, by day and month": testFinancialReport,
		"a repeated insert is not earned twice":        testFinancialRetries,
		"conditions on order and article reach keys":   testShopPushdown,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newDatabase(t, engine))
		})
	}
}

// database is one test's own, with generation 1 of every view.
type database struct {
	url, name string
	views     map[string]es.View
}

func newDatabase(t *testing.T, engine *embedded.ClickHouse) *database {
	t.Helper()
	db := &database{
		url:   engine.URL(),
		name:  "books_" + strings.ToLower(strings.NewReplacer("TestOnTheEngine/", "", ",", "", "-", "_").Replace(t.Name())),
		views: map[string]es.View{},
	}
	db.exec(t, "CREATE DATABASE "+db.name)
	db.migrate(t)
	for _, c := range domain.Contexts() {
		for _, view := range c.Views {
			if _, made := db.views[view.Name]; !made { // by a context that has it, too
				db.views[view.Name] = view
				db.makeGeneration(t, view.Name, 1)
			}
		}
	}
	return db
}

// migrate makes Recount's own tables, as goose does.
func (db *database) migrate(t *testing.T) {
	t.Helper()
	names, err := fs.Glob(migrations.FS(), "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		text, err := fs.ReadFile(migrations.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		_, up, _ := strings.Cut(string(text), "-- +goose Up")
		up, _, _ = strings.Cut(up, "-- +goose Down")
		for statement := range strings.SplitSeq(up, ";\n") {
			if strings.TrimSpace(statement) != "" {
				db.exec(t, statement)
			}
		}
	}
}

// makeGeneration makes a generation of view and points the public names at it.
func (db *database) makeGeneration(t *testing.T, view string, generation int) {
	t.Helper()
	script, err := clickhouse.Render(view, clickhouse.Params{Database: db.name, Generation: generation, DedupWindow: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range append(script.Tables, script.Public...) {
		db.exec(t, statement)
	}
}

func (db *database) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := db.post(statement, nil); err != nil {
		t.Fatal(err)
	}
}

// query returns the answer as lines of tab-separated values.
func (db *database) query(t *testing.T, statement string) string {
	t.Helper()
	answer, err := db.post(statement, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(answer, "\n")
}

// expect fails unless statement answers want, a line a row with single spaces between values.
func (db *database) expect(t *testing.T, statement string, want ...string) {
	t.Helper()
	got := strings.ReplaceAll(db.query(t, statement), "\t", " ")
	if got != strings.Join(want, "\n") {
		t.Errorf("%s\ngot:\n%s\nwant:\n%s", statement, got, strings.Join(want, "\n"))
	}
}

// insert puts rows, a *[]R, into generation 1 of table, under token where one is given.
func (db *database) insert(t *testing.T, table string, rows any, token string) {
	t.Helper()
	columns, body := rowBinary(t, rows)
	if len(body) == 0 {
		return
	}
	settings := url.Values{}
	if token != "" {
		settings.Set("insert_deduplication_token", token)
	}
	settings.Set("query", fmt.Sprintf("INSERT INTO %s_g1 (%s) FORMAT RowBinary", table, strings.Join(columns, ", ")))
	if _, err := db.post(string(body), settings); err != nil {
		t.Fatal(err)
	}
}

// project inserts what view makes of records, each in an insert of its own so that nothing is merged beforehand.
func (db *database) project(t *testing.T, view string, records ...es.Recorded) {
	t.Helper()
	for _, record := range records {
		rows := es.NewRows(db.views[view].Tables...)
		if err := db.views[view].Map(record, rows); err != nil {
			t.Fatal(err)
		}
		for table, values := range rows.Each {
			db.insert(t, table, values, "")
		}
	}
}

func (db *database) post(body string, settings url.Values) (string, error) {
	if settings == nil {
		settings = url.Values{}
	}
	// While the database is being made there is none to be in.
	if !strings.HasPrefix(body, "CREATE DATABASE") {
		settings.Set("database", db.name)
	}
	client := http.Client{Timeout: time.Minute}
	response, err := client.Post(db.url+"/?"+settings.Encode(), "text/plain", bytes.NewReader([]byte(body)))
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	if closeErr := response.Body.Close(); err == nil {
		err = closeErr
	}
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s\n%s", response.Status, answer, body)
	}
	return string(answer), err
}
