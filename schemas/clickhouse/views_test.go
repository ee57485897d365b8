package clickhouse_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/domain/bank/customer"
	"recount/internal/es"
	clickhouse "recount/schemas/clickhouse"
)

func TestEveryViewHasAFileAndEveryFileAView(t *testing.T) {
	t.Parallel()
	var declared []string
	for _, c := range domain.Contexts() {
		for _, view := range c.Views {
			declared = append(declared, view.Name)
		}
	}
	slices.Sort(declared)
	files, err := clickhouse.Views()
	if err != nil {
		t.Fatal(err)
	}
	if declared = slices.Compact(declared); !slices.Equal(files, declared) {
		t.Errorf("files: %v\nviews: %v", files, declared)
	}
}

func testColumns(t *testing.T, db *database) {
	for _, view := range db.views {
		for _, table := range view.Tables {
			columns, err := columnsOf(reflect.TypeOf(table.NewRows()).Elem().Elem())
			if err != nil {
				t.Fatal(err)
			}
			for _, difference := range db.differences(t, table.Name(), columns) {
				t.Error(difference)
			}
		}
	}
}

// testForeignColumn breaks the comparison on purpose: a missing column, a foreign one and a wrong type.
func testForeignColumn(t *testing.T, db *database) {
	db.exec(t, "CREATE TABLE odd_g1 (a String, b Int64, d Int32) ENGINE = MergeTree ORDER BY a")
	columns, err := columnsOf(reflect.TypeFor[struct {
		A string `ch:"a"`
		B int32  `ch:"b"`
		C string `ch:"c"`
	}]())
	if err != nil {
		t.Fatal(err)
	}
	if got := db.differences(t, "odd", columns); len(got) != 3 {
		t.Errorf("got %q, want three differences", got)
	}
	if _, err := columnsOf(reflect.TypeFor[struct {
		A float64 `ch:"a"`
	}]()); err == nil {
		t.Error("a float64 is accepted, and es.Table does not name it")
	}
}

// differences says how the columns of generation 1 of table differ from want.
func (db *database) differences(t *testing.T, table string, want []column) (out []string) {
	t.Helper()
	types := map[string]string{}
	for _, line := range strings.Split(db.query(t,
		"SELECT name, type FROM system.columns WHERE database = '"+db.name+"' AND table = '"+table+"_g1' AND default_kind != 'MATERIALIZED' FORMAT TSVRaw"), "\n") {
		name, columnType, _ := strings.Cut(line, "\t")
		types[name] = columnType
	}
	for _, c := range want {
		if !slices.Contains(c.types, types[c.name]) {
			out = append(out, table+"."+c.name+" is "+types[c.name]+", want one of "+strings.Join(c.types, ", "))
		}
		delete(types, c.name)
	}
	for name := range types {
		out = append(out, table+"."+name+" is in no row")
	}
	return out
}

func testBalances(t *testing.T, db *database) {
	a, b := newAccount("acct-1"), newAccount("acct-2")
	records := []es.Recorded{
		a.do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "ada", Currency: "EUR"}),
		a.do(t, "2026-03-05 00:00:00", account.Deposit{Amount: 500, Currency: "EUR"}),
		a.do(t, "2026-03-02 00:00:00", account.Deposit{Amount: 70, Currency: "EUR"}), // back-dated, and still the newest
		b.do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "bob", Currency: "CZK"}),
		b.do(t, "2026-03-01 00:00:00", account.Close{}),
	}
	db.exec(t, "SYSTEM STOP MERGES account_balances_g1")
	for _, i := range []int{2, 0, 4, 1, 3} { // a rebuild need not insert the partitions in step, nor merges happen
		db.project(t, "account_balances", records[i])
	}
	want := []string{
		"acct-1 ada 570 EUR open 3 2026-03-02 00:00:00.000 2026-06-01 00:00:03.000 bank/3@103",
		"acct-2 bob 0 CZK closed 2 2026-03-01 00:00:00.000 2026-06-01 00:00:02.000 bank/3@102",
	}
	const all = "SELECT * FROM account_balances ORDER BY account_id"
	db.expect(t, "SELECT count() FROM account_balances_g1", "5") // the older rows are there, and not shown
	db.expect(t, all, want...)
	db.exec(t, "SYSTEM START MERGES account_balances_g1")
	// A background merge may be at it already, and OPTIMIZE then passes over its parts: ask again.
	for deadline := time.Now().Add(20 * time.Second); db.query(t, "SELECT count() FROM account_balances_g1") != "2"; {
		if time.Now().After(deadline) {
			t.Fatal("the older rows are never merged away: is the table a ReplacingMergeTree?")
		}
		db.exec(t, "OPTIMIZE TABLE account_balances_g1 FINAL")
	}
	db.expect(t, all, want...)
}

func testCustomers(t *testing.T, db *database) {
	ada, bob := newCustomer("ada"), newCustomer("bob")
	home := customer.Address{Street: "St James's Sq 12", City: "London", PostalCode: "SW1Y", Country: "GB"}
	away := customer.Address{Street: "Rue 1", City: "Monaco", Country: "MC"} // without a postal code
	db.project(t, "customers",
		ada.do(t, "2026-03-01 00:00:00", customer.Register{Name: "Ada", Email: "ada@example.org", Address: home}),
		ada.do(t, "2026-03-01 00:00:00", customer.Verify{}),
		ada.do(t, "2026-03-02 00:00:00", customer.ChangeAddress{Address: away}),
		bob.do(t, "2026-03-03 00:00:00", customer.Register{Name: "Bob", Email: "bob@example.org", Address: home}),
		bob.do(t, "2026-03-04 00:00:00", customer.Suspend{Reason: "fraud"}))
	db.expect(t, "SELECT * FROM customers ORDER BY customer_id FORMAT CSV",
		`"ada","Ada","ada@example.org","Rue 1","Monaco","","MC","verified",3,"2026-03-02 00:00:00.000","2026-06-01 00:00:03.000","bank/3@103"`,
		`"bob","Bob","bob@example.org","St James's Sq 12","London","SW1Y","GB","suspended",2,"2026-03-04 00:00:00.000","2026-06-01 00:00:02.000","bank/3@102"`)
	// The newest row alone would have forgotten the name.
	db.expect(t, "SELECT name = '' FROM customers_g1 WHERE customer_id = 'ada' ORDER BY version DESC LIMIT 1", "1")
}

func testDeduplication(t *testing.T, db *database) {
	record := newAccount("acct-1").do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "ada", Currency: "EUR"})
	for _, name := range []string{"account_history", "account_balances"} {
		rows := es.NewRows(db.views[name].Tables...)
		if err := db.views[name].Map(record, rows); err != nil {
			t.Fatal(err)
		}
		db.exec(t, "SYSTEM STOP MERGES "+name+"_g1")
		db.exec(t, "CREATE TABLE forgetful_"+name+"_g1 AS "+name+"_g1 ENGINE = MergeTree ORDER BY account_id") // no window
		for table, values := range rows.Each {
			for _, token := range []string{"v/1/bank/3:100-100", "v/1/bank/3:100-100", "v/1/bank/3:101-101"} {
				db.insert(t, table, values, token)
				db.insert(t, "forgetful_"+table, values, token)
			}
		}
		db.expect(t, "SELECT count() FROM "+name+"_g1", "2")
		db.expect(t, "SELECT count() FROM forgetful_"+name+"_g1", "3")
	}
}

func testGenerations(t *testing.T, db *database) {
	db.project(t, "account_history", newAccount("acct-1").do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "ada", Currency: "EUR"}))
	const both = "SELECT (SELECT count() FROM account_history), (SELECT count() FROM account_as_of(at = '2026-03-01 00:00:00'))"
	db.expect(t, both, "1 1")
	db.makeGeneration(t, "account_history", 2)
	db.expect(t, both, "0 0")
	db.makeGeneration(t, "account_history", 1) // a rollback finds its rows again
	db.expect(t, both, "1 1")
}

func testPushdown(t *testing.T, db *database) {
	a := newAccount("acct-1")
	open := a.do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "ada", Currency: "EUR"})
	db.project(t, "account_history", open)
	db.project(t, "account_balances", open)
	db.tellKnown(t, 9)
	for _, view := range []string{
		"account_balances", "account_history", "account_as_of(at = '2026-03-01 00:00:00')", "bank_as_of(at = '2026-03-01 00:00:00')",
		"account_as_known(valid = '2026-03-01 00:00:00', known = '2026-06-01 00:00:05')", "account_statement", "account_intervals",
		"dormant_accounts(at = '2026-03-01 00:00:00', since = '2026-02-01 00:00:00')",
	} {
		const key = "Condition: (account_id in ['acct-1', 'acct-1'])"
		plan := "EXPLAIN indexes = 1 SELECT * FROM " + view
		if got := db.query(t, plan+" WHERE account_id = 'acct-1' FORMAT TSVRaw"); !strings.Contains(got, key) {
			t.Errorf("%s reads every account:\n%s", view, got)
		}
		if got := db.query(t, plan+" FORMAT TSVRaw"); strings.Contains(got, key) {
			t.Errorf("%s without a condition has one:\n%s", view, got)
		}
	}
}

// testNoStatistics shows that merges leave none behind, and would in a table that is made without our settings.
func testNoStatistics(t *testing.T, db *database) {
	a := newAccount("acct-1")
	db.project(t, "account_history", a.do(t, "2026-03-01 00:00:00", account.Open{CustomerID: "ada", Currency: "EUR"}))
	db.query(t, "CREATE TABLE control (account_id String) ENGINE = MergeTree ORDER BY account_id")
	db.query(t, "INSERT INTO control VALUES ('acct-1')")
	for table, want := range map[string]string{"account_history_g1": "0", "control": "1"} {
		db.query(t, "OPTIMIZE TABLE "+table+" FINAL")
		db.expect(t, "SELECT sum(notEmpty(statistics)) > 0 FROM system.parts_columns WHERE database = currentDatabase() AND active AND table = '"+table+"'", want)
	}
}
